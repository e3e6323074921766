from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from forensics.domain.feedback import Feedback, Label
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.job_list import JobFilter, JobPage, Position
from forensics.store import clients, job_list
from forensics.store.clients import AwsClients
from forensics.store.job_list import DynamoJobList
from forensics.store.jobs import DynamoJobs

NOW = datetime.now(UTC).replace(microsecond=0)
ACME = JobFilter("acme")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        aws = AwsClients()
        hash_key: Any = {"AttributeName": "tenant", "KeyType": "HASH"}
        aws.dynamodb().create_table(
            TableName="jobs",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": n, "AttributeType": "S"} for n in ("tenant", "job_id", "created_at")
            ],
            KeySchema=[hash_key, {"AttributeName": "job_id", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "newest",
                    "KeySchema": [hash_key, {"AttributeName": "created_at", "KeyType": "RANGE"}],
                    "Projection": {
                        "ProjectionType": "INCLUDE",
                        "NonKeyAttributes": ["status", "media_type", "expires_at", "line"],
                    },
                }
            ],
        )
        yield aws
    clients._dynamodb.cache_clear()


@pytest.fixture
def jobs(aws: AwsClients) -> DynamoJobs:
    return DynamoJobs(aws.dynamodb, "jobs", ttl_days=30)


@pytest.fixture
def listed(aws: AwsClients) -> DynamoJobList:
    return DynamoJobList(aws.dynamodb, "jobs")


def job(number: int, *, tenant: str = "acme", medium: str = "image", age_s: float = 0) -> Job:
    """A queued job; greater numbers are younger, whatever their ids say."""
    name = f"job_{'a' if number % 2 else 'b'}_{number}"
    created = NOW + timedelta(milliseconds=number) - timedelta(seconds=age_s)
    return Job(tenant, name, JobStatus.QUEUED, medium, DetectOptions(external_id=f"e{number}"), "r", created)


def ended(queued: Job, status: JobStatus) -> Job:
    document: dict[str, Any] = {"verdict": "synthetic", "confidence": 0.9, "completed_at": "2026-11-23T00:00:00.000Z"}
    failed = {"verdict": None, "error": {"code": "media-corrupt"}}
    return queued.finished(status, failed if status is JobStatus.FAILED else document)


def ids(page: JobPage) -> list[str]:
    return [line["job_id"] for line in page.lines]


def test_the_newest_come_first_and_every_page_goes_on_where_the_last_ended(
    jobs: DynamoJobs, listed: DynamoJobList
) -> None:
    for number in range(5):
        jobs.create(job(number))
    jobs.create(job(9, tenant="rival"))
    first = listed(ACME, limit=2)
    second = listed(ACME, limit=2, after=first.next)
    third = listed(ACME, limit=2, after=second.next)
    assert [ids(page) for page in (first, second, third)] == [
        ["job_b_4", "job_a_3"],
        ["job_b_2", "job_a_1"],
        ["job_b_0"],
    ]
    assert third.next is None


def test_a_line_says_how_the_job_stands(jobs: DynamoJobs, listed: DynamoJobList) -> None:
    for number in range(4):
        jobs.create(job(number))
    jobs.begin("acme", "job_a_1")
    jobs.finish(ended(job(2), JobStatus.COMPLETED))
    jobs.finish(ended(job(3), JobStatus.FAILED))
    failed, completed, processing, queued = listed(ACME, limit=9).lines
    assert (failed["status"], failed["error_code"], failed["verdict"]) == ("failed", "media-corrupt", None)
    assert (completed["status"], completed["verdict"], completed["confidence"]) == ("completed", "synthetic", 0.9)
    assert (processing["status"], processing["external_id"]) == ("processing", "e1")
    assert (queued["status"], queued["completed_at"]) == ("queued", None)


def test_what_was_deleted_or_is_past_its_time_is_hidden(jobs: DynamoJobs, listed: DynamoJobList) -> None:
    for number in (1, 2):
        jobs.create(job(number))
    jobs.create(job(3, age_s=31 * 86400))
    assert jobs.bury(job(1)) is not None
    assert ids(listed(ACME, limit=9)) == ["job_b_2"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (replace(ACME, status=JobStatus.COMPLETED), ["job_b_2"]),
        (replace(ACME, media_type="audio"), ["job_a_3"]),
        (replace(ACME, created_after=NOW + timedelta(milliseconds=1)), ["job_a_3", "job_b_2"]),
        (replace(ACME, status=JobStatus.QUEUED, media_type="image"), ["job_a_1", "job_b_0"]),
        (replace(ACME, status=JobStatus.FAILED), []),
    ],
)
def test_filters(jobs: DynamoJobs, listed: DynamoJobList, asked: JobFilter, found: list[str]) -> None:
    for number in range(4):
        jobs.create(job(number, medium="audio" if number == 3 else "image"))
    jobs.finish(ended(job(2), JobStatus.COMPLETED))
    assert ids(listed(asked, limit=9)) == found


def test_a_rare_job_is_found_over_many_reads_but_not_over_endless_ones(
    jobs: DynamoJobs, listed: DynamoJobList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_list, "READ_AT_ONCE", 2)
    monkeypatch.setattr(job_list, "MOST_READS", 2)
    for number in range(7):
        jobs.create(job(number, medium="audio" if number == 0 else "image"))
    asked = replace(ACME, media_type="audio")
    first = listed(asked, limit=1)
    assert first == JobPage((), Position((NOW + timedelta(milliseconds=3)).isoformat(), "job_a_3"))
    second = listed(asked, limit=1, after=first.next)
    assert ids(second) == ["job_b_0"]


def test_feedback_lies_beside_a_completed_job_one_word_for_each_key(jobs: DynamoJobs, aws: AwsClients) -> None:
    jobs.create(job(1))
    word = Feedback(Label.AUTHENTIC, "mine", NOW)
    assert jobs.leave_feedback("acme", "job_a_1", "key_1", word) is None
    jobs.finish(ended(job(1), JobStatus.COMPLETED))
    assert jobs.leave_feedback("acme", "job_a_1", "key_1", word) is True
    assert jobs.leave_feedback("acme", "job_a_1", "key_1", replace(word, label=Label.SYNTHETIC)) is False
    assert jobs.leave_feedback("acme", "job_a_1", "key_2", word) is True
    assert jobs.leave_feedback("rival", "job_a_1", "key_1", word) is None
    key: Any = {"tenant": {"S": "acme"}, "job_id": {"S": "job_a_1"}}
    row = aws.dynamodb().get_item(TableName="jobs", Key=key)["Item"]
    assert '"label": "synthetic"' in row["feedback:key_1"]["S"]
    found = jobs.get("acme", "job_a_1")
    assert found is not None and found.document["verdict"] == "synthetic"
    jobs.bury(job(1))
    assert "feedback:key_1" not in aws.dynamodb().get_item(TableName="jobs", Key=key)["Item"]
