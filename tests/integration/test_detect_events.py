"""The recorded calls and queued jobs of pictures and recordings, replayed against their real handlers over moto."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from forensics.domain.job import Job
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs
from forensics.web.job_list_routes import JobLines
from forensics.web.schemas import PendingJob, Result
from tests.integration.conftest import JOB_ID, Load, answer, event, objects
from tests.support.events import LambdaContext
from tests.support.sounds import wav


def test_generation_parameters_make_a_picture_synthetic(handler: Load, jobs: DynamoJobs) -> None:
    status, body = answer(handler, "detect_image_generated_png")
    result = Result.model_validate(body)
    assert (status, result.verdict, result.generator) == (200, "synthetic", "sdxl-v1.0")
    stored = jobs.get("acme", result.job_id)
    assert stored is not None and stored.document == body


def test_a_tiny_picture_is_inconclusive(handler: Load, stack: AwsClients) -> None:
    status, body = answer(handler, "detect_image_tiny_png")
    result = Result.model_validate(body)
    assert (status, result.verdict, result.strict_mode) == (200, "inconclusive", True)
    assert result.reasons[0].startswith("low_resolution")
    assert objects(stack) == []


def test_an_asynchronous_call_leaves_media_and_a_message(handler: Load, stack: AwsClients) -> None:
    status, body = answer(handler, "detect_image_async")
    job = PendingJob.model_validate(body)
    assert (status, objects(stack)) == (202, [f"media/acme/{job.job_id}"])
    url = stack.sqs().get_queue_url(QueueName="image")["QueueUrl"]
    (message,) = stack.sqs().receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {
        "tenant": "acme",
        "job_id": job.job_id,
        "media_key": f"media/acme/{job.job_id}",
    }


def test_a_queued_job_is_finished_and_its_media_gone(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job], generated_a1111: bytes
) -> None:
    queued(generated_a1111)
    assert handler("detect_image")(event("detect_image_queued_job"), LambdaContext()) == {"batchItemFailures": []}
    status, body = answer(handler, "jobs_get")
    result = Result.model_validate(body)
    assert (status, result.verdict) == (200, "synthetic")
    assert result.retention.deleted_at is not None and objects(stack) == []
    assert answer(handler, "jobs_get_foreign")[0] == 404
    (listed,) = JobLines.model_validate(answer(handler, "jobs_list")[1]).data
    assert (listed.job_id, listed.verdict) == (JOB_ID, "synthetic")
    assert [answer(handler, "jobs_feedback")[0] for _ in range(2)] == [201, 200]
    assert answer(handler, "jobs_get")[1] == body


def test_a_recording_without_speech_is_inconclusive(handler: Load) -> None:
    status, body = answer(handler, "detect_audio_no_speech")
    result = Result.model_validate(body)
    assert (status, result.verdict, result.media_type) == (200, "inconclusive", "audio")
    assert result.reasons[0].startswith("no_speech")


def test_a_queued_recording_is_finished_and_gone(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job]
) -> None:
    queued(wav(seconds=2))
    assert handler("detect_audio")(event("detect_audio_queued_job"), LambdaContext()) == {"batchItemFailures": []}
    job = jobs.get("acme", JOB_ID)
    assert job is not None and job.document["verdict"] == "inconclusive"
    assert objects(stack) == []


def test_the_unified_endpoint_invokes_the_images_function(handler: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    class Lambda:
        def invoke(self, **call: Any) -> dict[str, Any]:
            calls.append(call)
            return {
                "Payload": io.BytesIO(
                    b'{"statusCode": 200, "headers": {"content-type": "application/json"}, "body": "{}"}'
                )
            }

    monkeypatch.setattr(AwsClients, "lambda_", lambda self: Lambda())
    assert answer(handler, "detect_unified_png") == (200, {})
    passed = json.loads(calls[0]["Payload"])
    assert (calls[0]["FunctionName"], passed["path"]) == ("detect-image", "/v1/detect/image")
    assert passed["body"] == event("detect_unified_png")["body"]
