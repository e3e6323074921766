from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.keys import KeyRecord
from forensics.store import clients
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs
from forensics.store.keys import DynamoKeys
from forensics.store.media import S3Media
from forensics.store.queues import SqsQueue
from forensics.usecases.ports import Clock

NOW = Clock().now()
JOB = Job(
    tenant="acme",
    job_id="job_1",
    status=JobStatus.QUEUED,
    media_type="image",
    options=DetectOptions(strict_mode=True, metadata={"desk": "news"}),
    request_id="r1",
    created_at=NOW,
    media_key="media/acme/job_1",
    document={"status": "queued", "score": 0.1234, "retention": {"deleted_at": None}},
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield AwsClients()
    for factory in (clients._dynamodb, clients._s3, clients._sqs, clients._lambda):
        factory.cache_clear()


@pytest.fixture
def jobs(aws: AwsClients) -> DynamoJobs:
    attributes = [("tenant", "HASH"), ("job_id", "RANGE")]
    aws.dynamodb().create_table(
        TableName="jobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in attributes],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in attributes],  # type: ignore[typeddict-item]
    )
    return DynamoJobs(aws.dynamodb, "jobs", ttl_days=30)


def test_a_job_comes_back_as_it_went(jobs: DynamoJobs) -> None:
    jobs.create(JOB)
    assert jobs.get("acme", "job_1") == JOB
    assert jobs.get("rival", "job_1") is None
    jobs.create(JOB)  # the same call: botocore repeated a put whose answer was lost
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        jobs.create(replace(JOB, request_id="another call"))


def test_a_job_is_finished_exactly_once(jobs: DynamoJobs) -> None:
    jobs.create(JOB)
    done = JOB.finished(JobStatus.COMPLETED, {"status": "completed"}, artifact_keys={"heatmap": "artifacts/x"})
    assert jobs.finish(done)
    assert not jobs.finish(JOB.finished(JobStatus.FAILED, {"status": "failed"}))
    assert jobs.get("acme", "job_1") == done


def test_a_synchronous_job_needs_no_row_before(jobs: DynamoJobs) -> None:
    assert jobs.finish(JOB.finished(JobStatus.COMPLETED, {"status": "completed"}))


def test_the_first_deletion_receipt_stands(jobs: DynamoJobs) -> None:
    jobs.create(JOB)
    jobs.stamp_deleted("acme", "job_1", NOW)
    jobs.stamp_deleted("acme", "job_1", NOW + timedelta(seconds=45))
    found = jobs.get("acme", "job_1")
    assert (
        found is not None
        and found.document["retention"]["deleted_at"]
        == NOW.strftime("%Y-%m-%dT%H:%M:%S.") + f"{NOW.microsecond // 1000:03d}Z"
    )
    jobs.stamp_deleted("acme", "unknown", NOW)
    assert jobs.get("acme", "unknown") is None


def test_an_expired_row_is_gone_before_the_table_drops_it(jobs: DynamoJobs) -> None:
    jobs.create(replace(JOB, created_at=NOW - timedelta(days=30, seconds=1)))
    assert jobs.get("acme", "job_1") is None


def test_keys_are_found_by_hash(aws: AwsClients) -> None:
    aws.dynamodb().create_table(
        TableName="keys",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "key_hash", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "key_hash", "KeyType": "HASH"}],
    )
    item = {"key_hash": "h", "tenant": "acme", "plan": "free", "scopes": ["detect"], "status": "active"}
    boto3.resource("dynamodb").Table("keys").put_item(Item=item)
    keys = DynamoKeys(aws.dynamodb, "keys")
    assert keys.get("h") == KeyRecord("h", "acme", "free", ("detect",), "active")
    assert keys.get("unknown") is None


def test_media_is_put_read_signed_and_deleted(aws: AwsClients) -> None:
    aws.s3().create_bucket(Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    media = S3Media(aws.s3, "media")
    media.put("media/acme/1", b"bytes", content_type="image/png")
    assert media.get("media/acme/1") == b"bytes"
    assert "X-Amz-Expires=900" in media.signed_url("media/acme/1")
    media.delete("media/acme/1")
    media.delete("media/acme/1")
    assert media.get("media/acme/1") is None


def test_a_message_is_json(aws: AwsClients) -> None:
    url = aws.sqs().create_queue(QueueName="q")["QueueUrl"]
    SqsQueue(aws.sqs, url).send({"tenant": "acme"})
    assert aws.sqs().receive_message(QueueUrl=url)["Messages"][0]["Body"] == '{"tenant": "acme"}'


def test_a_job_begins_until_it_has_ended(jobs: DynamoJobs) -> None:
    assert not jobs.begin("acme", "job_1")
    jobs.create(JOB)
    assert jobs.begin("acme", "job_1") and jobs.begin("acme", "job_1")
    begun = jobs.get("acme", "job_1")
    assert begun is not None and (begun.status, begun.document["status"]) == (JobStatus.PROCESSING, "processing")
    assert jobs.finish(JOB.finished(JobStatus.COMPLETED, {"status": "completed"}))
    assert not jobs.begin("acme", "job_1")


def test_of_a_deleted_job_a_tombstone_is_left(jobs: DynamoJobs, aws: AwsClients) -> None:
    assert jobs.bury(JOB) is None
    jobs.create(JOB)
    assert jobs.bury(JOB) == JOB
    assert jobs.bury(JOB) is None and not jobs.begin("acme", "job_1")
    assert not jobs.finish(JOB.finished(JobStatus.COMPLETED, {"status": "completed"}))
    assert jobs.get("acme", "job_1") == JOB.deleted()
    (row,) = aws.dynamodb().scan(TableName="jobs")["Items"]
    assert "media_key" not in row and "news" not in str(row)
    assert int(row["expires_at"]["N"]) == int((NOW + timedelta(days=30)).timestamp())


def test_a_prefix_is_deleted_page_by_page_and_nothing_beside_it(aws: AwsClients) -> None:
    aws.s3().create_bucket(Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    media = S3Media(aws.s3, "media")
    for key in ("work/acme/job_1/a", "work/acme/job_1/b", "work/acme/job_10/a"):
        media.put(key, b"{}", content_type="application/json")
    media.delete_all("work/acme/job_1/")
    media.delete_all("work/acme/nothing/")
    assert media.get("work/acme/job_10/a") == b"{}" and media.get("work/acme/job_1/a") is None
    with pytest.raises(ValueError, match="slash"):
        media.delete_all("work/acme/job_1")
