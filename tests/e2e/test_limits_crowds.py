"""Limits, bills and idempotency keys under crowds: 64 callers at once on detect routes of the deployed stack.

Every concurrent call has a process of its own, as in AWS, so each mode takes some minutes. The route is the lightest of those that
detect; the stack is the template's own, but for its state machine, which ends at once: what is counted here is who came in.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from forensics.web.usage_routes import UsageReport
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.emulator import ROOT
from localcloud.localise import parse
from localcloud.logs import function_logs
from tests.support.clips import clip
from tests.support.limits import at_once, client, left, tenant, warmed, within_a_minute

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

THREADS = 64
ENDS_AT_ONCE = {"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}}


@pytest.fixture(scope="module")
def film() -> bytes:
    return clip(seconds=0.5, fps=4, size=(64, 48), sound=False)


@pytest.fixture(scope="module", params=[False, True], ids=["open", "iam"])
def crowded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, film: bytes
) -> Iterator[LocalCloud]:
    """The stack with a warm process for each of 64 callers."""
    machine: Path = tmp_path_factory.mktemp("machine") / "ends.json"
    machine.write_text(json.dumps(ENDS_AT_ONCE), encoding="utf-8")
    template = parse((ROOT / "template.yaml").read_text())
    properties = template["Resources"]["VideoStateMachine"]["Properties"]
    properties["DefinitionUri"] = str(machine)
    del properties["DefinitionSubstitutions"]
    with local_cloud(iam=request.param, template=template) as running:
        with client(running, running.create_key(live=False)) as api:
            warmed(lambda i: ask(api, film), threads=THREADS)
        yield running
        if request.session.testsfailed:
            sys.stderr.write("\n".join(function_logs(running)))


def ask(api: httpx2.Client, film: bytes, **headers: str) -> httpx2.Response:
    headers = {"Prefer": "respond-async", **headers}
    return api.post("/detect/video", files={"file": ("a.mp4", film)}, headers=headers)


def jobs_made(api: httpx2.Client) -> list[str]:
    """The ids of all the tenant's jobs, page by page."""
    found: list[str] = []
    path: str | None = "/jobs?limit=100"
    while path:
        page = api.get(path).json()
        found += [job["job_id"] for job in page["data"]]
        path = f"/jobs?limit=100&cursor={page['next_cursor']}" if page["has_more"] else None
    return found


def told(mode: str, figures: object, seconds: float) -> None:
    sys.stdout.write(f"\n{mode}: {figures} in {seconds:.1f} s\n")


def test_64_clients_on_one_key_pass_the_minutes_quota(crowded: LocalCloud, film: bytes) -> None:
    """400 detections of a test key: as many jobs as calls that passed, which are 300."""
    answers = within_a_minute(
        crowded,  # the first alone, so that the authorizer is asked once
        lambda api: [ask(api, film), *at_once(lambda i: ask(api, film), 399, threads=THREADS)],
        live=False,
        seconds=50,
    )
    statuses = Counter(answer.status_code for answer in answers)
    told("400 calls, 64 at once, quota 300", dict(statuses), 0)
    assert statuses == {202: 300, 429: 100}
    passed = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.json()["job_id"] for answer in passed}) == 300
    assert sorted(left(answer)["minute"][0] for answer in passed) == list(range(300))


def test_64_detections_of_a_month_of_50(crowded: LocalCloud, film: bytes) -> None:
    with client(crowded, crowded.create_key(tenant=tenant(), plan="free")) as api:
        start = time.monotonic()
        answers = at_once(lambda i: ask(api, film), 128, threads=THREADS)
        statuses = Counter(answer.status_code for answer in answers)
        told("128 detections, 64 at once, month of 50", dict(statuses), time.monotonic() - start)
        assert statuses == {202: 50, 429: 78}
        usage = UsageReport.model_validate(api.get("/usage").json())
        assert (usage.month.used, usage.month.remaining, usage.month.by_media_type) == (50, 0, {"video": 50})
        made = {answer.json()["job_id"] for answer in answers if answer.status_code == 202}
        assert (len(made), set(jobs_made(api))) == (50, made)


def test_no_detection_is_billed_twice(crowded: LocalCloud, film: bytes) -> None:
    """40 detections, each asked for four times at once under its own Idempotency-Key, and then once more."""
    with client(crowded, crowded.create_key(tenant=tenant(), plan="free")) as api:

        def one(number: int) -> httpx2.Response:
            return ask(api, film, **{"Idempotency-Key": f"order-{number % 40}"})

        answers = at_once(one, 160, threads=THREADS)
        again = at_once(one, 40, threads=8)
        statuses = Counter(answer.status_code for answer in answers)
        told("40 detections asked for four times at once", dict(statuses), 0)
        assert set(statuses) <= {202, 409} and {answer.status_code for answer in again} == {202}
        made = {answer.json()["job_id"] for answer in [*answers, *again] if answer.status_code == 202}
        assert len(made) == 40 and set(jobs_made(api)) == made
        assert api.get("/usage").json()["month"]["used"] == 40


def test_32_threads_with_one_key_make_one_job(crowded: LocalCloud, film: bytes) -> None:
    with client(crowded, crowded.create_key(tenant=tenant(), plan="free")) as api:
        answers = at_once(lambda i: ask(api, film, **{"Idempotency-Key": "one"}), 32, threads=32)
        statuses = Counter(answer.status_code for answer in answers)
        told("32 calls at once with one Idempotency-Key", dict(statuses), 0)
        assert set(statuses) <= {202, 409}
        final = ask(api, film, **{"Idempotency-Key": "one"})
        assert final.headers["Idempotency-Replayed"] == "true"
        jobs = {answer.json()["job_id"] for answer in [*answers, final] if answer.status_code == 202}
        assert len(jobs) == 1 and jobs_made(api) == list(jobs)
        assert api.get("/usage").json()["month"]["used"] == 1
