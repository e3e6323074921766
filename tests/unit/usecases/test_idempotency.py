"""What a call with a key may do, and what becomes of its bill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from forensics.domain.errors import (
    Deleted,
    DetectorError,
    IdempotencyInFlight,
    IdempotencyKeyReused,
    MediaCorrupt,
    QuotaExceeded,
    Unauthenticated,
)
from forensics.domain.events import RowChange
from forensics.domain.idempotency import Answer, Attempt, memorable, record_id
from forensics.domain.limits import Account, MonthUse, Taken, Window, minute_window, month_window, seconds_left
from forensics.domain.plans import Limits
from forensics.usecases.idempotency import Idempotency
from forensics.usecases.limit_calls import Billing, LimitCalls
from forensics.usecases.settle_jobs import SettleJobs
from tests.support.fakes import START, FakeClock
from tests.support.records import Records

RESULT = Answer(200, {"content-type": "application/json"}, b'{"job_id": "job_1"}', "job_1")


def read_job(tenant: str, job_id: str) -> Mapping[str, Any]:
    if job_id != "job_1":
        raise Deleted
    return {"job_id": job_id, "of": tenant}


@pytest.fixture
def calls() -> Idempotency:
    return Idempotency(Records(), FakeClock(), "r", read_job)


def begun(calls: Idempotency, fingerprint: str = "print", patience_s: float = 30) -> Attempt:
    attempt = calls.begin("r1", fingerprint, patience_s=patience_s)
    assert isinstance(attempt, Attempt)
    return attempt


def test_one_attempt_at_a_time_and_one_answer(calls: Idempotency) -> None:
    first = begun(calls)
    assert (first.job_id, first.resumed) == ("job_r_0", False)
    with pytest.raises(IdempotencyInFlight) as busy:
        begun(calls)
    assert busy.value.headers["Retry-After"] == "2"
    calls.end(first, RESULT)
    with pytest.raises(IdempotencyKeyReused):
        begun(calls, "another")
    kept = calls.begin("r1", "print", patience_s=30)
    assert isinstance(kept, Answer) and kept.body is None  # the result lies with its job alone
    assert calls.replay("acme", kept).body == b'{"job_id": "job_1", "of": "acme"}'


PENDING = (
    b'{"job_id": "job_1", "status": "queued", "external_id": "order-7", "metadata": {"desk": "news"}, "verdict": null}'
)


def test_a_callers_words_lie_with_the_job_alone() -> None:
    def words(tenant: str, job_id: str) -> Mapping[str, Any]:
        return {"job_id": job_id, "status": "completed", "external_id": "order-7", "metadata": {"desk": "news"}}

    records = Records()
    calls = Idempotency(records, FakeClock(), "r", words)
    calls.end(begun(calls), Answer(202, {}, PENDING, "job_1"))
    kept = records.rows["r1"].answer
    assert kept is not None and kept.body is not None
    assert b"order-7" not in kept.body and b"news" not in kept.body
    again = calls.begin("r1", "print", patience_s=30)
    assert isinstance(again, Answer)
    assert json.loads(calls.replay("acme", again).body or b"") == json.loads(
        PENDING
    )  # as it was, also when the job is over


@dataclass
class Box:
    """Seals visibly, for one record alone."""

    def seal(self, body: bytes, *, record_id: str) -> bytes:
        return f"{record_id}:".encode() + body[::-1]

    def open(self, sealed: bytes, *, record_id: str) -> bytes:
        return sealed.removeprefix(f"{record_id}:".encode())[::-1]


def test_an_answer_that_shows_a_secret_is_sealed() -> None:
    records = Records()
    calls = Idempotency(records, FakeClock(), "r", box=Box())
    calls.end(begun(calls), Answer(201, {"location": "/x"}, b"whsec_1"))
    kept = records.rows["r1"].answer
    assert kept is not None and (kept.body, kept.sealed) == (b"r1:1_ceshw", True)
    again = calls.begin("r1", "print", patience_s=30)
    assert isinstance(again, Answer)
    assert calls.replay("acme", again) == Answer(201, {"location": "/x"}, b"whsec_1")


def test_a_deleted_jobs_answers_are_forgotten(calls: Idempotency) -> None:
    for status in (200, 202):
        with pytest.raises(Deleted):
            calls.replay("acme", Answer(status, {}, b"{}" if status == 202 else None, "job_2"))
    assert calls.replay("acme", Answer(422, {}, b"{}")).body == b"{}"


def test_an_attempt_that_ran_out_of_time_is_taken_up_with_its_job(calls: Idempotency) -> None:
    first = begun(calls, patience_s=0.05)  # the fake clock's next look is 100 ms later
    second = begun(calls)
    assert (second.job_id, second.resumed) == (first.job_id, True)
    with pytest.raises(IdempotencyInFlight):
        begun(calls)


def test_a_fault_lets_the_next_attempt_run_at_once(calls: Idempotency) -> None:
    calls.end(begun(calls), Answer(503, {}, b"{}"))
    assert begun(calls).resumed


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        *((status, True) for status in (200, 201, 202, 400, 404, 410, 413, 415, 422)),
        *((status, False) for status in (401, 403, 409, 429, 500, 503, 504)),
    ],
)
def test_what_is_remembered(status: int, kept: bool) -> None:
    assert memorable(status) is kept


def test_records_of_tenants_and_routes_are_apart() -> None:
    ids = {record_id(*parts) for parts in [("a", "/b", "c"), ("a", "/bc", ""), ("ab", "/", "c"), ("a", "/c", "c")]}
    assert len(ids) == 4


@dataclass
class Counters:
    """Counts as the table does."""

    calls: int = 0
    revoked: bool = False
    held: set[str] = field(default_factory=set)
    months_read: int = 0

    def take(self, key_id: str, window: Window, *, quota: int) -> Taken:
        if self.revoked or self.calls >= quota:
            return Taken(self.calls, False, self.revoked)
        self.calls += 1
        return Taken(self.calls, True)

    def minute_used(self, key_id: str, window: Window) -> int:
        return self.calls

    def month_used(self, tenant: str, window: Window) -> MonthUse:
        self.months_read += 1
        return MonthUse(len(self.held))

    def charge(self, tenant: str, job_ids: Any, window: Window, *, medium: str | None, quota: int | None) -> bool:
        wanted = self.held | {f"{tenant}/{job}" for job in job_ids}
        if quota is not None and len(wanted) > quota:
            return False
        self.held = wanted
        return True

    def give_back(self, tenant: str, job_id: str) -> bool:
        before = len(self.held)
        self.held -= {f"{tenant}/{job_id}"}
        return len(self.held) < before


ACCOUNT = Account("acme", "key_1", "free", Limits(2, 1))


def test_calls_are_counted_until_the_quota() -> None:
    counters = Counters()
    limit = LimitCalls(counters, FakeClock())
    counted = [limit(ACCOUNT) for _ in range(3)]
    assert [(c.allowed, c.minute.remaining) for c in counted] == [(True, 1), (True, 0), (False, 0)]
    assert limit.month(ACCOUNT).remaining == 1
    assert limit.month(replace(ACCOUNT, limits=Limits(2, None))).remaining is None
    assert counters.months_read == 1  # without a limit there is nothing to read


@pytest.mark.parametrize(
    ("counters", "account"),
    [(Counters(revoked=True), ACCOUNT), (Counters(), replace(ACCOUNT, expires_at=int(START.timestamp())))],
)
def test_a_key_whose_time_is_over_is_refused(counters: Counters, account: Account) -> None:
    with pytest.raises(Unauthenticated):
        LimitCalls(counters, FakeClock())(account)
    assert counters.calls == 0


def test_the_quota_of_detections_says_when_to_come_back() -> None:
    billing = Billing(Counters(), FakeClock())
    billing.reserve("acme", "job_1", quota=1)
    with pytest.raises(QuotaExceeded) as caught:
        billing.reserve("acme", "job_2", quota=1)
    assert caught.value.extensions == {"violated-policies": ["monthly"]}
    assert 8 * 24 * 3600 < int(caught.value.headers["Retry-After"]) < 9 * 24 * 3600  # from 22 November
    billing.release("acme", "job_1", "job_1", "unknown")
    billing.reserve("acme", "job_2", quota=1)


def test_windows_end_where_the_next_begin() -> None:
    minute, month = minute_window(START.replace(second=59, microsecond=999_000)), month_window(START)
    assert (minute.label, minute.ends_at.minute, minute.ends_at.second) == ("2026-11-22T14:40", 41, 0)
    assert seconds_left(minute, START.replace(second=59, microsecond=999_000)) == 1
    assert seconds_left(minute, START) == 60
    assert (month.label, month.ends_at.isoformat()) == ("2026-11", "2026-12-01T00:00:00+00:00")
    assert month_window(START.replace(month=12, day=31)).ends_at.isoformat() == "2027-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("before", "after", "given_back"),
    [
        ("queued", "failed", True),
        ("", "failed", True),
        ("processing", "deleted", True),
        ("failed", "deleted", True),
        ("completed", "deleted", False),
        ("queued", "completed", False),
        ("queued", "processing", False),
    ],
)
def test_what_comes_to_nothing_is_given_back(before: str, after: str, given_back: bool) -> None:
    counters = Counters(held={"acme/job_1", "acme/job_2"})
    was = {"status": before} if before else {}
    change = RowChange(was, {"tenant": "acme", "job_id": "job_1", "status": after}, at="")
    batch = RowChange({}, {"tenant": "acme", "batch_id": "batch_1", "status": "failed"}, at="")
    for _ in range(2):
        SettleJobs(Billing(counters, FakeClock()))([batch, change])
    assert counters.held == ({"acme/job_2"} if given_back else {"acme/job_1", "acme/job_2"})


def test_errors_of_a_script_are_of_the_table() -> None:
    from forensics.domain.rehearsal import scripted

    assert isinstance(scripted("test:media-corrupt", "image"), MediaCorrupt)
    assert isinstance(scripted("test:quota-exceeded", "image"), DetectorError)
    assert scripted("mine", "video") == "manipulated" and scripted("test:authentic", "video") == "authentic"
