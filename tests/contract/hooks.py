"""What Schemathesis is given beside the description: media that exist, uploads that are made, and a tally of the requests.

Loaded by its command line (`hooks` in schemathesis.toml) in a process of its own; tests.contract.run sets the environment.
"""

from __future__ import annotations

import atexit
import json
import os
import re
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import GenerationMode, TestPhase

from localcloud.emulator import ROOT

FILES = os.environ["CONTRACT_FILES"]  # base URL of a server of examples/media, which takes any POST too
TALLY = Path(os.environ["CONTRACT_TALLY"])
MEDIA = ROOT / "examples" / "media"
PICTURE = (MEDIA / "photo.jpg").read_bytes()
PROGRESS_EVERY = 500
KEEP_EVERY = 5  # of the keys that are made, one in so many stays
KEY = re.compile(r'[!#-~]{1,255}|"(?:[ -!#-\[\]-~]|\\["\\]){1,255}"')  # bare, and as a string of RFC 8941
SOURCES = ("upload_id", "media_url", "file")  # of a detection: one of them, that of a link first
EXAMPLE_URL = "https://example.org/a.jpg"
_URLS = [f"{FILES}/photo.jpg", f"{FILES}/portrait.jpg", f"{FILES}/missing.jpg", "https://10.0.0.1/a.jpg"]
_tally: Counter[str] = Counter()
_calls = count()

schemathesis.openapi.format("uri", st.sampled_from(_URLS))
schemathesis.openapi.format("binary", st.one_of(st.just(PICTURE), st.binary(min_size=1, max_size=64)))


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out wrong calls that are right once they are sent.

    Those of the coverage phase without a key: it puts that of schemathesis.toml into them (that no key and a wrong one are a 401 is
    held by the check `ignored_auth`). And forms with a list in place of a text: of one text it is that text, of none no field.
    """
    coverage = case.meta is not None and case.meta.phase.name == TestPhase.COVERAGE
    if coverage and getattr(case.meta.phase.data, "parameter", None) == "Authorization":
        return False
    form = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    return not (form and any(isinstance(value, list) and len(value) <= 1 for value in case.body.values()))


def _one_source(case: schemathesis.Case[Any]) -> None:
    """Leave a call that is meant to be right one source.

    The coverage phase gives a form every member, and links put the ids of earlier answers into made-up bodies; neither looks at
    `oneOf` again.
    """
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE and isinstance(case.body, dict):
        for extra in [name for name in SOURCES if name in case.body][1:]:
            del case.body[extra]


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Let the description's example URL lead somewhere, and most Idempotency-Keys be new: else one call answers all that follow."""
    _one_source(case)
    body: Any = case.body
    for part in [body, *(body.get("items") or [])] if isinstance(body, dict) else []:
        if isinstance(part, dict) and part.get("media_url") == EXAMPLE_URL:
            part["media_url"] = _URLS[0]
    headers: Any = case.headers or {}
    key = headers.get("Idempotency-Key")
    if isinstance(key, str) and KEY.fullmatch(key) and (_linked(case) or next(_calls) % KEEP_EVERY):
        headers["Idempotency-Key"] = str(uuid4())


def _linked(case: schemathesis.Case[Any]) -> bool:
    """Tell a call along the links: an old key would bring back the answer of something that was deleted since."""
    return case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL


@schemathesis.hook
def after_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], response: schemathesis.Response
) -> None:
    """Count the call, and put the file of an upload that was made where its form says."""
    name = case.operation.definition.raw.get("operationId", case.operation.label)
    declared = case.operation.method.upper() == case.method.upper()
    _tally[f"{name if declared else case.method.upper()} {response.status_code}"] += 1
    if sum(_tally.values()) % PROGRESS_EVERY == 0:
        _write()
    if name == "create_upload" and response.status_code == 201:
        form = response.json()
        requests.post(form["url"], data=form["fields"], files={"file": PICTURE}, timeout=30).close()


@atexit.register
def _write() -> None:
    TALLY.write_text(json.dumps(_tally), encoding="utf-8")
