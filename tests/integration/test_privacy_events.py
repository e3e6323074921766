"""The recorded events of holds, audit and sweeper, replayed against their real handlers over moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from forensics.domain.audit import AuditEntry, Step
from forensics.domain.job import Job
from forensics.domain.limits import month_window
from forensics.store import clients
from forensics.store.audit import DynamoAudit
from forensics.store.clients import AwsClients
from forensics.store.counters import DynamoCounters
from forensics.store.jobs import DynamoJobs
from tests.integration.conftest import JOB_ID, Load, event
from tests.support.events import LambdaContext


@pytest.fixture
def bus(stack: AwsClients, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    for factory in (clients._events, clients._scheduler):
        factory.cache_clear()
    stack.events().create_event_bus(Name="events")
    monkeypatch.setenv("EVENT_BUS", "events")
    yield stack
    for factory in (clients._events, clients._scheduler):
        factory.cache_clear()


def steps(aws: AwsClients) -> dict[str, str]:
    entries = DynamoAudit(aws.dynamodb, "audit").of(JOB_ID)
    return {entry.step.value: entry.function for entry in entries}


def test_a_held_file_has_a_schedule_to_the_second_until_its_job_is_deleted(handler: Load, bus: AwsClients) -> None:
    publish = handler("publish_events")
    for _ in range(2):  # told twice
        publish(event("publish_events_held"), LambdaContext())
    found = bus.scheduler().get_schedule(Name=f"hold-{JOB_ID}")
    assert found["ScheduleExpression"] == "at(2036-12-22T14:39:58)"
    assert json.loads(found["Target"]["Input"]) == {
        "tenant": "acme",
        "job_id": JOB_ID,
        "purge": f"retained/acme/{JOB_ID}",
    }
    publish(event("publish_events_held_and_deleted"), LambdaContext())
    assert bus.scheduler().list_schedules()["Schedules"] == []
    assert steps(bus) == dict.fromkeys(("accepted", "fetched", "stored"), "detect-image") | {"deleted": "jobs"}


def test_what_the_audit_says_stands(stack: AwsClients) -> None:
    audit = DynamoAudit(stack.dynamodb, "audit")
    first = AuditEntry(JOB_ID, Step.DELETED, "acme", datetime(2026, 11, 23, tzinfo=UTC), "jobs")
    assert audit.add(first)
    assert not audit.add(AuditEntry(JOB_ID, Step.DELETED, "rival", first.at + timedelta(days=1), "other"))
    assert audit.of(JOB_ID) == [first]


class Context(LambdaContext):
    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 300_000


def test_charges_without_a_job_are_given_back_after_hours(
    handler: Load, stack: AwsClients, queued: Callable[[bytes], Job]
) -> None:
    queued(b"has a row")
    now = datetime.now(UTC)
    month = month_window(now)
    young, old = (
        DynamoCounters(stack.dynamodb, "counters", now_s=(now - timedelta(hours=hours)).timestamp) for hours in (0, 2)
    )
    old.charge("acme", ["job_euwest1_died", "job_euwest1_failed", JOB_ID], month, medium="image", quota=None)
    young.charge("acme", ["job_euwest1_at_work"], month, medium="image", quota=None)
    old.give_back("acme", "job_euwest1_failed")
    settle = handler("sweeper")
    assert settle(event("sweeper_settle"), Context()) == {"seen": 2, "released": 1, "finished": True}
    assert settle(event("sweeper_settle"), Context()) == {"seen": 1, "released": 0, "finished": True}
    assert old.month_used("acme", month).used == 2


def test_the_sweeper_ends_what_hangs_and_deletes_what_nobody_has(
    handler: Load,
    stack: AwsClients,
    jobs: DynamoJobs,
    queued: Callable[[bytes], Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queued(b"waits for its turn")
    stack.s3().put_object(Bucket="media", Key="media/acme/job_euwest1_nobodys", Body=b"orphan")
    monkeypatch.setenv("SWEEP_AFTER_SECONDS", "-1")

    found = handler("sweeper")(event("sweeper_tick"), Context())
    assert found == {"deleted": {"media": 1}, "jobs_ended": 0, "finished": True}
    left = stack.s3().list_objects_v2(Bucket="media")["Contents"]
    assert [o["Key"] for o in left] == [f"media/acme/{JOB_ID}"]
    assert [e.step for e in DynamoAudit(stack.dynamodb, "audit").of("job_euwest1_nobodys")] == [Step.SWEPT]
    job = jobs.get("acme", JOB_ID)
    assert job is not None and not job.status.terminal
