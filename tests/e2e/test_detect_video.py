"""Videos over HTTP: the real state machine runs them, and the job ends whatever happens to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from forensics.domain.job import DetectOptions, Job, JobStatus, media_key
from forensics.domain.result import pending_document
from forensics.store.jobs import DynamoJobs
from forensics.web.schemas import FailedJob, PendingJob, Problem, Result
from localcloud.aws import CONFIG, session
from localcloud.cloud import DEMO_TENANT, LocalCloud
from tests.support.bucket import Bucket
from tests.support.clips import clip

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


@dataclass(frozen=True)
class Executions:
    """The state machine of a local cloud, with root's credentials."""

    cloud: LocalCloud

    def start(self, message: dict[str, str]) -> str:
        """Start an execution as the endpoint does; returns its ARN."""
        started = self._client().start_execution(
            stateMachineArn=self._machine, name=message["job_id"], input=json.dumps(message)
        )
        arn: str = started["executionArn"]
        return arn

    def arn(self, job_id: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{job_id}"

    def stop(self, job_id: str) -> None:
        self._client().stop_execution(executionArn=self.arn(job_id))

    def status(self, job_id: str) -> str:
        return str(self._client().describe_execution(executionArn=self.arn(job_id))["status"])

    def history(self, job_id: str) -> list[str]:
        """The types of what happened, in order."""
        events = self._client().get_execution_history(executionArn=self.arn(job_id), maxResults=1000)["events"]
        return [event["type"] for event in events]

    def store_job(self, data: bytes | None) -> dict[str, str]:
        """Store a queued video job, with media when there is any, but start nothing; returns an execution's input."""
        job_id = f"job_useast1_{uuid4().hex}"
        key = media_key(DEMO_TENANT, job_id, retain=False)
        options, now = DetectOptions(), datetime.now(UTC)
        job = Job(DEMO_TENANT, job_id, JobStatus.QUEUED, "video", options, "request", now, key)
        job = Job(**{**job.__dict__, "document": pending_document(job)})
        endpoint = self.cloud.emulator.endpoint
        dynamodb = session().client("dynamodb", endpoint_url=endpoint, config=CONFIG)
        DynamoJobs(lambda: dynamodb, self.cloud.outputs["JobsTableName"], ttl_days=1).create(job)
        if data is not None:
            s3 = session().client("s3", endpoint_url=endpoint, config=CONFIG)
            s3.put_object(Bucket=self.cloud.outputs["MediaBucketName"], Key=key, Body=data)
        return {"tenant": DEMO_TENANT, "job_id": job_id, "media_key": key}

    @property
    def _machine(self) -> str:
        return self.cloud.outputs["VideoStateMachineArn"]

    def _client(self) -> Any:
        return session().client("stepfunctions", endpoint_url=self.cloud.emulator.endpoint, config=CONFIG)


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
    assert (found.media.coverage, [model.name for model in found.models]) == (1.0, ["video-frames"])
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


def gone(api: httpx2.Client, bucket: Bucket, job_id: str) -> bool:
    """Is the media deleted, and the receipt written? The verdict can be read a moment before."""
    receipt = api.get(f"/jobs/{job_id}").json()["retention"]["deleted_at"]
    return receipt is not None and bucket.objects(job=job_id) == {}


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)
