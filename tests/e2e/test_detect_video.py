"""Videos over HTTP: the real state machine runs them, and the job ends whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from forensics.web.schemas import FailedJob, PendingJob, Problem, Result
from localcloud.cloud import DEMO_TENANT, LocalCloud
from tests.support.bucket import Bucket
from tests.support.clips import clip
from tests.support.executions import Executions

pytestmark = pytest.mark.e2e

CLIP = clip(seconds=2)
LONG_S = 12
DEADLINE_S = 120  # five cold starts, two of them with models, on a busy machine


def finished(api: httpx2.Client, job_id: str) -> Any:
    """The job's document once it is terminal."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        document = api.get(f"/jobs/{job_id}", params={"wait": 20}).json()
        if document["status"] in ("completed", "failed"):
            return document
    raise AssertionError(f"{job_id} has not ended in {DEADLINE_S} s")


def verdict(api: httpx2.Client, answer: httpx2.Response) -> Result:
    """The result of a call, asked for until it is there when the call did not wait long enough."""
    assert answer.status_code in (200, 202), answer.text
    body = answer.json()
    return Result.model_validate(body if answer.status_code == 200 else finished(api, body["job_id"]))


@pytest.fixture
def executions(cloud: LocalCloud) -> Executions:
    return Executions(cloud)


@pytest.mark.parametrize("path", ["/detect/video", "/detect"])
def test_a_clip_gets_a_verdict_and_is_gone(
    api: httpx2.Client, bucket: Bucket, executions: Executions, path: str
) -> None:
    found = verdict(api, api.post(path, files={"file": ("clip.mp4", CLIP)}))
    assert (found.media_type, found.media.format, found.media.width, found.media.duration_s) == ("video", "mp4", 320, 2)
    assert found.media.coverage == 1.0 and found.warnings == []
    assert {model.name for model in found.models} >= {"video-frames", "audio-speech"}
    eventually(lambda: gone(api, bucket, found.job_id))
    eventually(lambda: executions.status(found.job_id) == "SUCCEEDED")


def test_who_does_not_wait_asks_for_the_job(api: httpx2.Client, bucket: Bucket) -> None:
    silent = clip(seconds=LONG_S, fps=5, size=(160, 120), sound=False)
    answer = api.post("/detect/video", files={"file": ("clip.mp4", silent)}, headers={"Prefer": "respond-async"})
    job = PendingJob.model_validate_json(answer.content)
    assert answer.status_code == 202 and answer.headers["Location"].endswith(job.job_id)
    found = Result.model_validate(finished(api, job.job_id))
    assert (found.media.coverage, [model.name for model in found.models]) == (1.0, ["video-frames", "face-tracks"])
    eventually(lambda: gone(api, bucket, job.job_id))


def test_patience_of_no_time_is_answered_with_the_job(api: httpx2.Client) -> None:
    answer = api.post("/detect/video", files={"file": ("clip.mp4", CLIP)}, headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=0")
    assert finished(api, answer.json()["job_id"])["status"] == "completed"


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        (CLIP[:2000], 422, "media-corrupt"),
        (b"GIF89a" + bytes(50), 422, "media-type-mismatch"),
        (b"no film at all", 415, "unsupported-media-type"),
    ],
)
def test_wrong_files_are_problems(api: httpx2.Client, file: bytes, status: int, code: str) -> None:
    answer = api.post("/detect/video", files={"file": ("clip.mp4", file)})
    assert (answer.status_code, Problem.model_validate_json(answer.content).code) == (status, code)


def test_a_file_that_breaks_in_the_state_machine_fails_its_job_at_once(
    api: httpx2.Client, bucket: Bucket, executions: Executions
) -> None:
    message = executions.store_job(CLIP[:2000])
    executions.start(message)
    failed = FailedJob.model_validate(finished(api, message["job_id"]))
    assert failed.error.code == "media-corrupt"
    eventually(lambda: gone(api, bucket, message["job_id"]))
    assert executions.history(message["job_id"]).count("TaskFailed") == 1  # a Retry that does not, a Catch that does


def test_a_missing_file_fails_its_job(api: httpx2.Client, executions: Executions) -> None:
    message = executions.store_job(None)
    executions.start(message)
    assert FailedJob.model_validate(finished(api, message["job_id"])).error.code == "media-fetch-failed"


def test_a_stopped_execution_ends_its_job(api: httpx2.Client, bucket: Bucket, executions: Executions) -> None:
    message = executions.store_job(CLIP)
    executions.start(message)
    executions.stop(message["job_id"])
    failed = FailedJob.model_validate(finished(api, message["job_id"]))
    assert failed.error.code == "internal-error"
    eventually(lambda: gone(api, bucket, message["job_id"]))


def test_a_job_runs_once(api: httpx2.Client, executions: Executions) -> None:
    answer = api.post("/detect/video", files={"file": ("clip.mp4", CLIP)}, headers={"Prefer": "respond-async"})
    job_id = answer.json()["job_id"]
    with pytest.raises(Exception, match="ExecutionAlreadyExists"):
        executions.start({"tenant": DEMO_TENANT, "job_id": job_id, "media_key": "media/other"})
    assert finished(api, job_id)["status"] == "completed"


@pytest.mark.parametrize("ended", [True, False])
def test_a_deleted_job_is_gone_for_ever(
    api: httpx2.Client, bucket: Bucket, executions: Executions, *, ended: bool
) -> None:
    long = clip(seconds=LONG_S, fps=5, size=(160, 120), sound=False)
    answer = api.post("/detect/video", files={"file": ("clip.mp4", long)}, headers={"Prefer": "respond-async"})
    job_id = answer.json()["job_id"]
    if ended:
        assert finished(api, job_id)["status"] == "completed"
    assert api.delete(f"/jobs/{job_id}").status_code == 204
    for again in (api.get(f"/jobs/{job_id}"), api.delete(f"/jobs/{job_id}")):
        assert (again.status_code, Problem.model_validate_json(again.content).code) == (410, "deleted")
    eventually(lambda: executions.status(job_id) == ("SUCCEEDED" if ended else "ABORTED"))
    eventually(lambda: bucket.objects(job=job_id) == {})
    row = executions.row({"tenant": DEMO_TENANT, "job_id": job_id})
    assert row["status"]["S"] == "deleted" and row["document"]["S"] == "{}"


def test_another_tenants_job_cannot_be_deleted(cloud: LocalCloud, api: httpx2.Client, executions: Executions) -> None:
    message = executions.store_job(CLIP)
    headers = {"Authorization": f"Bearer {cloud.create_key(tenant='rival')}"}
    assert api.delete(f"/jobs/{message['job_id']}", headers=headers).status_code == 404
    assert executions.job(message).document["status"] == "queued"


def gone(api: httpx2.Client, bucket: Bucket, job_id: str) -> bool:
    """Is the media deleted, and the receipt written? The verdict can be read a moment before."""
    receipt = api.get(f"/jobs/{job_id}").json()["retention"]["deleted_at"]
    return receipt is not None and bucket.objects(job=job_id) == {}


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)
