"""Every request of README.md and docs/ is sent to the local cloud as it stands there, and the answer has the form that is shown.

A `curl` block is followed by "answers `<status>`" and the answer. `$BASE`, `$KEY`, `$JOB_ID` and `$UPLOAD_ID` are the reader's;
ids come from the answers before. https://example.org is a server of the examples' media, for the tests reach no internet.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest

from localcloud.cloud import LocalCloud
from localcloud.emulator import ROOT

pytestmark = pytest.mark.e2e

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"```(?P<kind>\w*)\n(?P<text>.*?)```(?P<rest>\s*answers `(?P<status>\d{3})`\s*```json\n(?P<answer>.*?)```)?", re.S
)
OPEN = {"fields"}  # a form's fields are S3's affair: there are some, whatever they are called
CURL = 'curl() { command curl --noproxy "*" --max-time 60 --write-out "\\n%{http_code}" "$@"; }\n'


@dataclass(frozen=True)
class Shown:
    """A request of a page, and what the page says of its answer."""

    page: str
    command: str
    status: int
    answer: Any  # JSON


def shown() -> list[Shown]:
    found = []
    for page in PAGES:
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            if re.match(r"\s*curl ", block["text"]):
                assert block["rest"], f"{page.name}: a request without an answer: {block['text']}"
                name = str(page.relative_to(ROOT))
                found.append(Shown(name, block["text"], int(block["status"]), json.loads(block["answer"])))
    return found


def differences(told: Any, got: Any, *, at: str = "") -> list[str]:
    """Return where an answer has another form than the one that is told: members, and kinds of values; null stands for any."""
    if told is None or got is None:
        return []
    if isinstance(told, dict) and isinstance(got, dict):
        if at.rpartition("/")[2] in OPEN:
            return [] if told and got else [f"{at}: empty"]
        wrong = [f"{at}/{name}: in one alone" for name in sorted(told.keys() ^ got.keys())]
        return wrong + [
            d for name in told.keys() & got.keys() for d in differences(told[name], got[name], at=f"{at}/{name}")
        ]
    if isinstance(told, list) and isinstance(got, list):
        return [d for one, other in zip(told, got, strict=False) for d in differences(one, other, at=f"{at}/0")]
    numbers = isinstance(told, int | float) and isinstance(got, int | float) and not isinstance(told, bool)
    return [] if numbers or type(told) is type(got) else [f"{at}: {told!r} and {got!r}"]


def test_a_difference_is_seen() -> None:
    told = {"a": [{"b": 1}], "c": None, "fields": {"x": "1"}}
    assert differences(told, {"a": [{"b": 2.5}], "c": "x", "fields": {"y": "2"}}) == []
    assert set(differences(told, {"a": [{"b": "2"}], "d": 1, "fields": {}})) == {
        "/c: in one alone",
        "/d: in one alone",
        "/a/0/b: 1 and '2'",
        "/fields: empty",
    }


def test_every_request_of_the_docs_is_answered_as_they_say(cloud: LocalCloud, files: str) -> None:
    requests = shown()
    assert {"README.md", "docs/api.md", "docs/webhooks.md", "docs/limits.md", "docs/errors.md"} <= {
        s.page for s in requests
    }
    environment = {
        "PATH": os.environ["PATH"],
        "BASE": cloud.base_url,
        "KEY": cloud.create_key(tenant="reader", plan="free"),
    }
    wrong = []
    for request in requests:
        script = CURL + request.command.replace("https://example.org", files)
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        body, _, status = done.stdout.rpartition("\n")
        if done.returncode or not body:
            wrong.append(f"{request.page}: {request.command}{done.stderr}{done.stdout}")
            continue
        answer = json.loads(body)
        if int(status) != request.status:
            wrong.append(f"{request.page}: {status} for {request.status}: {body}")
        wrong += [f"{request.page}: {difference}" for difference in differences(request.answer, answer)]
        environment |= {
            name: answer[key] for name, key in (("JOB_ID", "job_id"), ("UPLOAD_ID", "upload_id")) if key in answer
        }
    assert wrong == []
