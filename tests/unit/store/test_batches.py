from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from forensics.domain.batch import Batch
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.store import clients
from forensics.store.batches import DynamoBatches, DynamoJobLines
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs

NOW = datetime.now(UTC)
BATCH = Batch("acme", "batch_1", ("job_1", "job_2", "job_3"), NOW)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        aws = AwsClients()
        for table, sort in (("batches", "batch_id"), ("jobs", "job_id")):
            keys: Any = [("tenant", "HASH"), (sort, "RANGE")]
            aws.dynamodb().create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
                KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            )
        yield aws
    clients._dynamodb.cache_clear()


@pytest.fixture
def batches(aws: AwsClients) -> DynamoBatches:
    return DynamoBatches(aws.dynamodb, "batches", 30)


def row(aws: AwsClients) -> dict[str, Any]:
    key: Any = {"tenant": {"S": "acme"}, "batch_id": {"S": "batch_1"}}
    found: dict[str, Any] = aws.dynamodb().get_item(TableName="batches", Key=key)["Item"]
    return found


def test_a_batch_comes_back_and_is_made_once(batches: DynamoBatches) -> None:
    batches.create(BATCH)
    batches.create(replace(BATCH, job_ids=("other",)))
    assert batches.get("acme", "batch_1") == BATCH
    assert batches.get("rival", "batch_1") is None
    batches.create(replace(BATCH, batch_id="old", created_at=NOW - timedelta(days=31)))
    assert batches.get("acme", "old") is None


def test_the_last_end_completes_it_and_the_first_time_stands(batches: DynamoBatches, aws: AwsClients) -> None:
    batches.create(BATCH)
    for job in ("job_1", "job_1", "job_2"):
        batches.end_job("acme", "batch_1", job, JobStatus.COMPLETED)
    assert row(aws)["status"]["S"] == "processing"
    batches.end_job("acme", "batch_1", "job_3", JobStatus.FAILED)
    done = row(aws)
    batches.end_job("acme", "batch_1", "job_3", JobStatus.FAILED)
    assert row(aws) == done
    document = json.loads(done["document"]["S"])
    assert (document["counts"], document["total"]) == ({"completed": 2, "failed": 1, "deleted": 0}, 3)
    found = batches.get("acme", "batch_1")
    assert found is not None and found.completed_at == document["completed_at"] == done["completed_at"]["S"]


def test_a_job_that_is_counted_twice_stands_for_no_other(batches: DynamoBatches) -> None:
    batches.create(BATCH)
    for job, status in (("job_1", JobStatus.COMPLETED), ("job_1", JobStatus.DELETED), ("job_2", JobStatus.FAILED)):
        batches.end_job("acme", "batch_1", job, status)
    found = batches.get("acme", "batch_1")
    assert found is not None and found.completed_at is None


def test_a_batch_is_accepted_or_forgotten(batches: DynamoBatches) -> None:
    assert not batches.accept("acme", "batch_1")
    batches.create(BATCH)
    assert batches.forget("acme", "batch_1") and batches.get("acme", "batch_1") is None
    assert batches.forget("acme", "batch_1")  # forgotten already
    batches.create(BATCH)
    assert batches.accept("acme", "batch_1") and batches.accept("acme", "batch_1")
    assert not batches.forget("acme", "batch_1")
    assert batches.get("acme", "batch_1") == replace(BATCH, accepted=True)


def test_an_end_of_nothing_makes_nothing(batches: DynamoBatches) -> None:
    batches.end_job("acme", "batch_1", "job_1", JobStatus.COMPLETED)
    assert batches.get("acme", "batch_1") is None


def test_the_jobs_lines_come_in_the_order_asked_for(aws: AwsClients) -> None:
    jobs = DynamoJobs(aws.dynamodb, "jobs", ttl_days=30)
    made = [
        Job("acme", f"job_{i}", JobStatus.QUEUED, "", DetectOptions(), "r", NOW, batch_id="batch_1") for i in range(120)
    ]
    for job in made:
        jobs.create(job)
    jobs.bury(made[3])
    stored = jobs.get("acme", "job_1")
    assert stored is not None and (stored.batch_id, stored.media_type) == ("batch_1", "")
    wanted = [f"job_{i}" for i in reversed(range(120))]
    lines = DynamoJobLines(aws.dynamodb, "jobs")("acme", [*wanted, "job_unknown"])
    assert [line["job_id"] for line in lines] == wanted
    assert [line["status"] for line in lines if line["job_id"] in ("job_3", "job_4")] == ["queued", "deleted"]
    assert lines[0]["media_type"] is None


def test_a_queued_job_is_taken_in_and_no_other(aws: AwsClients) -> None:
    jobs = DynamoJobs(aws.dynamodb, "jobs", ttl_days=30)
    job = Job("acme", "job_1", JobStatus.QUEUED, "", DetectOptions(), "r", NOW)
    jobs.create(job)
    assert jobs.take_in(replace(job, media_type="image"))
    found = jobs.get("acme", "job_1")
    assert found is not None and found.media_type == "image"
    jobs.begin("acme", "job_1")
    assert not jobs.take_in(job)
    assert not jobs.take_in(replace(job, job_id="job_unknown"))
