"""Counters and idempotency records over an AWS in memory; the end-to-end tests have the crowds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from forensics.domain.errors import ServiceUnavailable
from forensics.domain.idempotency import Answer, Record
from forensics.domain.limits import MonthUse, Taken, minute_window, month_window
from forensics.store import clients
from forensics.store.clients import AwsClients
from forensics.store.counters import ATTEMPTS, DynamoCounters
from forensics.store.idempotency import DynamoRecords

NOW = datetime(2026, 11, 23, 0, 7, 30, tzinfo=UTC)
MINUTE, MONTH = minute_window(NOW), month_window(NOW)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield AwsClients()
    clients._dynamodb.cache_clear()


def table(aws: AwsClients, name: str, *keys: str) -> None:
    schema: Any = [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
    attributes: Any = [{"AttributeName": key, "AttributeType": "S"} for key in keys]
    aws.dynamodb().create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=attributes, KeySchema=schema
    )


@pytest.fixture
def counters(aws: AwsClients) -> DynamoCounters:
    table(aws, "counters", "owner", "entry")
    return DynamoCounters(aws.dynamodb, "counters", sleep=lambda s: None)


@pytest.fixture
def records(aws: AwsClients) -> DynamoRecords:
    table(aws, "records", "record_id")
    return DynamoRecords(aws.dynamodb, "records")


def test_no_more_calls_pass_than_the_quota(counters: DynamoCounters) -> None:
    taken = [counters.take("key_1", MINUTE, quota=3) for _ in range(5)]
    assert [(t.used, t.allowed) for t in taken] == [(1, True), (2, True), (3, True), (3, False), (3, False)]
    assert counters.minute_used("key_1", MINUTE) == 3
    assert counters.take("key_2", MINUTE, quota=3) == Taken(1, True)
    assert counters.take("key_3", MINUTE, quota=0) == Taken(0, False)
    assert counters.take("key_1", minute_window(NOW.replace(minute=8)), quota=3) == Taken(1, True)


def test_a_revoked_key_takes_nothing(counters: DynamoCounters) -> None:
    counters.revoke("key_1", MINUTE)
    assert counters.take("key_1", MINUTE, quota=3) == Taken(0, False, revoked=True)


def test_a_job_is_charged_once_and_given_back_once(counters: DynamoCounters) -> None:
    for _ in range(3):
        assert counters.charge("acme", ["job_1"], MONTH, medium="audio", quota=50)
    assert counters.month_used("acme", MONTH) == MonthUse(1, {"audio": 1})
    assert [counters.give_back("acme", "job_1") for _ in range(3)] == [True, False, False]
    assert counters.month_used("acme", MONTH).used == 0
    assert counters.charge("acme", ["job_1"], MONTH, medium="audio", quota=50)  # tried again after it failed
    assert counters.month_used("acme", MONTH).used == 1
    assert not counters.give_back("rival", "job_1") and not counters.give_back("acme", "job_2")


def test_the_month_is_not_overdrawn(counters: DynamoCounters) -> None:
    assert counters.charge("acme", ["job_1", "job_2"], MONTH, medium=None, quota=3)
    assert not counters.charge("acme", ["job_3", "job_4"], MONTH, medium=None, quota=3)
    assert not counters.charge("acme", [f"job_{i}" for i in range(10, 14)], MONTH, medium=None, quota=3)
    assert counters.charge("acme", ["job_2", "job_3"], MONTH, medium=None, quota=3)  # one of them is charged already
    assert counters.month_used("acme", MONTH) == MonthUse(3)
    assert counters.charge("acme", ["job_3"], MONTH, medium=None, quota=3)  # nothing new, so nothing too many
    assert not counters.charge("nobody", ["job_1"], MONTH, medium=None, quota=0)


def test_many_jobs_are_charged_all_or_none(counters: DynamoCounters) -> None:
    jobs = [f"job_{i}" for i in range(60)]  # more than one transaction takes
    assert not counters.charge("acme", jobs, MONTH, medium=None, quota=59)
    assert counters.month_used("acme", MONTH).used == 0
    assert counters.charge("acme", jobs, MONTH, medium=None, quota=60)
    assert counters.month_used("acme", MONTH).used == 60


def test_a_month_given_back_is_the_month_it_was_charged_to(counters: DynamoCounters) -> None:
    counters.charge("acme", ["job_1"], MONTH, medium="image", quota=None)
    next_month = month_window(NOW.replace(month=12))
    counters.charge("acme", ["job_2"], next_month, medium="image", quota=None)
    counters.give_back("acme", "job_1")
    assert counters.month_used("acme", MONTH) == MonthUse(0, {"image": 0})
    assert counters.month_used("acme", next_month) == MonthUse(1, {"image": 1})


class Colliding:
    """A DynamoDB whose transactions collide a number of times."""

    class exceptions:  # noqa: N801
        class TransactionCanceledException(Exception):
            def __init__(self) -> None:
                self.response = {"CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}]}

    def __init__(self, collisions: int) -> None:
        self.collisions, self.calls = collisions, 0

    def transact_write_items(self, **request: Any) -> None:
        self.calls += 1
        if self.calls <= self.collisions:
            raise self.exceptions.TransactionCanceledException


def test_collisions_are_tried_again_with_growing_waits() -> None:
    waits: list[float] = []
    fake = Colliding(3)
    counters = DynamoCounters(lambda: fake, "counters", sleep=waits.append)  # type: ignore[arg-type,return-value]
    assert counters.charge("acme", ["job_1"], MONTH, medium=None, quota=1)
    assert (fake.calls, len(waits)) == (4, 3) and max(waits) <= 0.08
    with pytest.raises(ServiceUnavailable) as caught:
        DynamoCounters(lambda: Colliding(ATTEMPTS), "c", sleep=waits.append).charge(  # type: ignore[arg-type,return-value]
            "acme", ["job_1"], MONTH, medium=None, quota=1
        )
    assert caught.value.headers["Retry-After"] == "1"


NOW_MS = 1_700_000_000_000
RECORD = Record("r1", "print", "first", NOW_MS + 30_000, "job_1")


def test_the_first_attempt_is_stored_and_the_second_sees_it(records: DynamoRecords) -> None:
    assert records.begin(RECORD, now_ms=NOW_MS) is None
    assert (
        records.begin(RECORD, now_ms=NOW_MS) is None
    )  # the same attempt: botocore repeated a put whose answer was lost
    assert records.begin(replace(RECORD, holder="second", job_id="job_2"), now_ms=NOW_MS) == RECORD


def test_an_answer_comes_back_as_it_went(records: DynamoRecords) -> None:
    answer = Answer(202, {"location": "/v1/jobs/job_1"}, b'{"job_id": "job_1"}', "job_1", sealed=True)
    records.begin(RECORD, now_ms=NOW_MS)
    records.keep("r1", "somebody else", replace(answer, status=200))
    records.keep("r1", "first", answer)
    records.keep("r1", "first", replace(answer, status=500))  # the first answer stands
    assert records.begin(replace(RECORD, holder="second"), now_ms=NOW_MS) == replace(RECORD, answer=answer)


def test_one_of_many_takes_over(records: DynamoRecords) -> None:
    records.begin(RECORD, now_ms=NOW_MS)
    assert records.take_over(RECORD, holder="second", locked_until_ms=NOW_MS + 60_000)
    assert not records.take_over(RECORD, holder="third", locked_until_ms=NOW_MS + 60_000)
    records.let_go("r1", "first")  # the crashed attempt wakes up: it holds nothing any more
    found = records.begin(replace(RECORD, holder="fourth"), now_ms=NOW_MS)
    assert found is not None and (found.holder, found.locked_until_ms) == ("second", NOW_MS + 60_000)
    records.let_go("r1", "second")
    found = records.begin(replace(RECORD, holder="fourth"), now_ms=NOW_MS)
    assert found is not None and found.locked_until_ms == 0 and found.job_id == "job_1"


def test_a_record_counts_for_a_day(records: DynamoRecords) -> None:
    records.begin(RECORD, now_ms=NOW_MS)
    day_ms = 24 * 3600 * 1000
    later = replace(RECORD, holder="second", job_id="job_2")
    assert records.begin(later, now_ms=NOW_MS + day_ms - 1000) == RECORD
    assert records.begin(later, now_ms=NOW_MS + day_ms) is None


def test_an_answer_too_large_for_a_row_is_not_kept(records: DynamoRecords) -> None:
    import random

    records.begin(RECORD, now_ms=NOW_MS)
    records.keep("r1", "first", Answer(200, {}, random.Random(1).randbytes(400_000)))
    found = records.begin(replace(RECORD, holder="second"), now_ms=NOW_MS)
    assert found is not None and found.answer is None and found.locked_until_ms == 0
