"""The recorded events of uploads and batches, replayed against their real handlers over moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from forensics.domain.job import Job
from forensics.domain.upload import Upload
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs
from forensics.store.uploads import DynamoUploads
from forensics.web.batch_routes import BatchAnswer
from forensics.web.upload_routes import UploadAnswer
from tests.integration.conftest import JOB_ID, Load, answer, event, objects
from tests.support.events import LambdaContext

UPLOAD = Upload("acme", "upload_01ARZ3NDEKTSV4RRFFQ69G5FAV", 500, datetime.now(UTC) + timedelta(minutes=15))


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
