"""Every recorded event of events/ is replayed against its function's real handler."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forensics.domain.job import Job
from forensics.domain.keys import hash_key, key_id
from forensics.domain.upload import Upload
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs
from forensics.store.uploads import DynamoUploads
from forensics.web.batch_routes import BatchAnswer
from forensics.web.job_list_routes import JobLines
from forensics.web.model_routes import ModelList
from forensics.web.schemas import FailedJob, PendingJob, Problem, Result
from forensics.web.upload_routes import UploadAnswer
from tests.integration.conftest import DEMO_KEY, JOB_ID, Handler
from tests.support.clips import clip
from tests.support.events import LambdaContext
from tests.support.sounds import wav

UPLOAD = Upload("acme", "upload_01ARZ3NDEKTSV4RRFFQ69G5FAV", 500, datetime.now(UTC) + timedelta(minutes=15))
EVENTS = Path(__file__).resolve().parents[2] / "events"
Load = Callable[[str], Handler]


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def objects(stack: AwsClients) -> list[str]:
    return [o["Key"] for o in stack.s3().list_objects_v2(Bucket="media").get("Contents", [])]


def test_every_event_is_replayed_here() -> None:
    source = "".join(test.read_text(encoding="utf-8") for test in Path(__file__).parent.glob("test_*.py"))
    missing = [file.stem for file in EVENTS.glob("*.json") if f'"{file.stem}"' not in source]
    assert missing == []


def test_a_known_key_opens_the_stage(handler: Load) -> None:
    policy = handler("authorizer")(event("authorizer_known_key"), LambdaContext())
    told = {"tenant": "acme", "plan": "free", "scopes": "detect jobs", "live": "false", "per_minute": "20"}
    assert policy["context"] == {**told, "key_id": key_id(hash_key(DEMO_KEY))}
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/*"


@pytest.mark.parametrize("name", ["authorizer_unknown_key", "authorizer_no_key"])
def test_no_valid_key_is_unauthorized(handler: Load, name: str) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler("authorizer")(event(name), LambdaContext())


def answer(handler: Load, name: str) -> tuple[int, dict[str, Any]]:
    function = next(
        f
        for f in ("detect_image", "detect_audio", "detect_video", "detect", "jobs", "uploads", "batches", "usage")
        if name.startswith(f + "_")
    )
    got = handler(function)(event(name), LambdaContext())
    return got["statusCode"], json.loads(got["body"])


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


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("detect_image_truncated", 422, "media-corrupt"),
        ("detect_video_truncated", 422, "media-corrupt"),
        ("detect_image_private_url", 422, "media-url-forbidden"),
        ("detect_image_unknown_upload", 422, "upload-not-found"),
        ("detect_unknown_bytes", 415, "unsupported-media-type"),
        ("jobs_get", 404, "not-found"),
        ("jobs_list_bad_cursor", 400, "invalid-request"),
        ("jobs_feedback", 404, "not-found"),
        ("batches_get_unknown", 404, "not-found"),
    ],
)
def test_faults_are_problems(handler: Load, name: str, status: int, code: str) -> None:
    got, body = answer(handler, name)
    assert (got, Problem.model_validate(body).code) == (status, code)


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


def test_a_video_becomes_an_execution_named_by_its_job(handler: Load, stack: AwsClients) -> None:
    status, body = answer(handler, "detect_video_async")
    job = PendingJob.model_validate(body)
    assert (status, objects(stack)) == (202, [f"media/acme/{job.job_id}"])
    machine = stack.stepfunctions().list_state_machines()["stateMachines"][0]["stateMachineArn"]
    (execution,) = stack.stepfunctions().list_executions(stateMachineArn=machine)["executions"]
    assert execution["name"] == job.job_id
    told = stack.stepfunctions().describe_execution(executionArn=execution["executionArn"])["input"]
    assert json.loads(told) == {"tenant": "acme", "job_id": job.job_id, "media_key": f"media/acme/{job.job_id}"}


def test_a_video_goes_through_its_tasks(handler: Load, stack: AwsClients, queued: Callable[[bytes], Job]) -> None:
    queued(clip(seconds=2))
    plan = handler("video_plan")(event("video_plan_task"), LambdaContext())
    assert (plan["facts"]["width"], plan["has_audio"], len(plan["chunks"])) == (320, True, 1)
    seen = handler("video_frames")(event("video_frames_task"), LambdaContext())
    heard = handler("video_audio")(event("video_audio_task"), LambdaContext())
    found = [
        json.loads(stack.s3().get_object(Bucket="media", Key=told["result_key"])["Body"].read())
        for told in (seen, heard)
    ]
    assert (len(found[0]["frames"]), found[0]["error"], found[1]["error"]) == (4, None, None)
    json.dumps([plan, seen, heard])


def test_a_file_that_is_no_video_leaves_its_task_as_a_media_fault(
    handler: Load, queued: Callable[[bytes], Job]
) -> None:
    queued(clip()[:3000])
    plan = handler("video_plan")
    with pytest.raises(Exception, match="media-corrupt") as raised:
        plan(event("video_plan_task"), LambdaContext())
    assert type(raised.value).__name__ == "MediaFault"


def test_what_was_found_is_joined_and_the_media_gone(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job]
) -> None:
    queued(clip())
    assert handler("video_join")(event("video_join_task"), LambdaContext()) == {"status": "completed"}
    job = jobs.get("acme", JOB_ID)
    assert job is not None and objects(stack) == []
    found = Result.model_validate(job.document)
    assert (found.verdict, found.media.coverage) == ("synthetic", 0.5)
    assert any("1.0-2.0 s" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("name", "code"), [("job_finish_caught", "media-corrupt"), ("job_finish_stopped", "internal-error")]
)
def test_a_job_without_a_verdict_is_ended(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job], name: str, code: str
) -> None:
    queued(b"no verdict")
    assert handler("job_finish")(event(name), LambdaContext()) == {"status": "failed"}
    job = jobs.get("acme", JOB_ID)
    assert job is not None and objects(stack) == []
    assert FailedJob.model_validate(job.document).error.code == code


def test_a_key_is_told_where_its_limits_stand(handler: Load) -> None:
    before, after = (answer(handler, "usage_get")[1] for _ in range(2))
    assert (before["minute"]["used"], after["minute"]["used"]) == (1, 2)
    assert after["minute"]["limit"] == 20 and after["month"]["limit"] == 50


@pytest.mark.parametrize(("name", "member"), [("jobs_health", "status"), ("jobs_openapi", "openapi")])
def test_public_paths_need_no_key(handler: Load, name: str, member: str) -> None:
    status, body = answer(handler, name)
    assert status == 200 and member in body


def test_the_page_for_people_is_served(handler: Load) -> None:
    page = handler("jobs")(event("jobs_docs"), LambdaContext())
    assert page["statusCode"] == 200 and page["body"].startswith("<!doctype html>") and not page["isBase64Encoded"]


def test_a_method_that_a_path_does_not_have_is_told(handler: Load) -> None:
    status, body = answer(handler, "jobs_wrong_method")
    assert (status, Problem.model_validate(body).code) == (405, "method-not-allowed")


def test_the_models_are_told(handler: Load) -> None:
    status, body = answer(handler, "jobs_models")
    assert status == 200 and {"image", "audio", "video"} <= {m.name for m in ModelList.model_validate(body).data}


def test_a_batch_becomes_jobs_and_messages(handler: Load, stack: AwsClients, jobs: DynamoJobs) -> None:
    stack.s3().put_object(Bucket="media", Key=UPLOAD.key, Body=b"\xff\xd8\xff")
    DynamoUploads(stack.dynamodb, "uploads").create(UPLOAD)
    status, body = answer(handler, "batches_create")
    made = BatchAnswer.model_validate(body)
    assert (status, made.counts.queued, made.counts.failed) == (202, 1, 1)
    first, second = (jobs.get("acme", job.job_id) for job in made.jobs)
    assert first is not None and second is not None and second.document["error"]["code"] == "upload-not-found"
    url = stack.sqs().get_queue_url(QueueName="batch")["QueueUrl"]
    (message,) = stack.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(message["Body"]) == {
        "tenant": "acme",
        "job_id": first.job_id,
        "live": True,
        "upload_id": UPLOAD.upload_id,
    }


def test_a_batchs_item_goes_to_its_medium(handler: Load, stack: AwsClients, queued: Callable[[bytes], Job]) -> None:
    queued(b"what lies there is replaced")
    stack.s3().put_object(Bucket="media", Key=UPLOAD.key, Body=b"\xff\xd8\xff")
    assert handler("batches")(event("batches_item_upload"), LambdaContext()) == {"batchItemFailures": []}
    assert objects(stack) == [f"media/acme/{JOB_ID}"]
    url = stack.sqs().get_queue_url(QueueName="image")["QueueUrl"]
    assert len(stack.sqs().receive_message(QueueUrl=url)["Messages"]) == 1


def test_a_batchs_forbidden_url_fails_its_job(
    handler: Load, jobs: DynamoJobs, stack: AwsClients, queued: Callable[[bytes], Job]
) -> None:
    queued(b"left over")
    assert handler("batches")(event("batches_item_forbidden_url"), LambdaContext()) == {"batchItemFailures": []}
    job = jobs.get("acme", JOB_ID)
    assert job is not None and job.document["error"]["code"] == "media-url-forbidden"
    assert objects(stack) == []


def test_an_upload_gets_a_row_a_form_and_its_end(handler: Load, stack: AwsClients) -> None:
    status, body = answer(handler, "uploads_create")
    made = UploadAnswer.model_validate(body)
    key = {"tenant": {"S": "acme"}, "upload_id": {"S": made.upload_id}}
    row = stack.dynamodb().get_item(TableName="uploads", Key=key)["Item"]
    assert (status, made.fields["key"], made.max_bytes) == (201, f"uploads/acme/{made.upload_id}", 500_000_000)
    assert "holiday" not in json.dumps([row, body])
    stack.s3().put_object(Bucket="media", Key="uploads/acme/upload_01ARZ3NDEKTSV4RRFFQ69G5FAV", Body=b"never asked for")
    assert handler("purge")(event("purge_upload"), LambdaContext()) == {"batchItemFailures": []}
    assert objects(stack) == []


def test_the_timer_deletes_what_was_left(handler: Load, stack: AwsClients, queued: Callable[[bytes], Job]) -> None:
    queued(b"left behind")
    assert handler("purge")(event("purge_timer"), LambdaContext()) == {"batchItemFailures": []}
    assert objects(stack) == []


def test_a_deleted_job_is_gone_and_erased_once_more(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job]
) -> None:
    job = queued(b"deleted")
    purge = handler("purge")
    assert purge(event("purge_erase"), LambdaContext()) == {"batchItemFailures": []}
    assert objects(stack) == [job.media_key]  # a timer alone deletes nothing
    deleted = handler("jobs")(event("jobs_delete"), LambdaContext())
    assert (deleted["statusCode"], deleted["body"], objects(stack)) == (204, "", [])
    for name in ("jobs_delete", "jobs_get"):
        status, body = answer(handler, name)
        assert (status, Problem.model_validate(body).code) == (410, "deleted")
    stack.s3().put_object(Bucket="media", Key=f"artifacts/acme/{JOB_ID}/heatmap.png", Body=b"late")
    purge(event("purge_erase"), LambdaContext())
    assert objects(stack) == []
    left = jobs.get("acme", JOB_ID)
    assert left is not None and left.status == "deleted"


def test_a_dead_letter_ends_its_job(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job]
) -> None:
    queued(b"never analysed")
    handler("purge")(event("purge_dead_letter"), LambdaContext())
    job = jobs.get("acme", JOB_ID)
    assert job is not None
    failed = FailedJob.model_validate(job.document)
    assert (failed.error.code, objects(stack)) == ("internal-error", [])
    assert failed.retention.deleted_at is not None


def test_a_malformed_message_fails_alone(handler: Load) -> None:
    both = event("purge_malformed")
    good = event("purge_timer")["Records"][0] | {"messageId": "good"}
    answered = handler("purge")({"Records": [*both["Records"], good]}, LambdaContext())
    assert answered == {"batchItemFailures": [{"itemIdentifier": both["Records"][0]["messageId"]}]}
