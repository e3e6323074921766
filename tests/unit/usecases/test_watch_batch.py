"""A batch comes in whole or not at all, whatever dies on the way, and ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from forensics.domain.batch import BatchRequest, batch_id_of
from forensics.domain.errors import QuotaExceeded, ServiceUnavailable
from forensics.domain.job import Job, JobStatus
from forensics.usecases.watch_batch import LONGEST_BATCH, LOOK_AGAIN_S
from tests.support.batches import BASE, World, ask, url_item

BATCH = batch_id_of(BASE)


class Died(BaseException):
    """A process that ended: nothing after it runs, not even what undoes."""


@pytest.fixture
def world() -> World:
    return World()


def keyless() -> BatchRequest:
    """A call without an Idempotency-Key: the first id that the clock gives out becomes its jobs' base."""
    return replace(ask(url_item("a"), url_item("b"), url_item("c")), job_id=None)


def failing(times: int, error: BaseException, then: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call that works `times` times and then raises."""
    left = [times]

    def call(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise error
        return then(*args, **more)

    return call


def looked(world: World, *, times: int = 1) -> None:
    """The timer's messages come."""
    for _ in range(times):
        message, delay_s = world.timers.sent.pop(0)
        assert delay_s == LOOK_AGAIN_S
        world.watch(message)


def statuses(world: World) -> list[str]:
    return sorted(job.status.value for job in world.jobs.rows.values())


PLACES = ("rows.create", "jobs.create", "rows.accept")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("works", [0, 1])
def test_a_call_that_fails_is_undone_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str, works: int
) -> None:
    part, name = place.split(".")
    owner = getattr(world, part)
    monkeypatch.setattr(owner, name, failing(works if part == "jobs" else 0, ConnectionError(), getattr(owner, name)))
    with pytest.raises(ConnectionError):
        world.create(keyless())
    assert world.rows.batches == {}
    assert set(statuses(world)) <= {"failed"}  # none waits for ever
    billed = {job.job_id for job in world.jobs.rows.values()}  # released when the stream tells of their end
    assert (
        world.month.charged == billed
        and len(billed) == {"rows.create": 0, "jobs.create": works, "rows.accept": 3}[place]
    )


@pytest.mark.parametrize("place", PLACES)
def test_a_call_whose_process_died_is_undone_by_the_timer(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    part, name = place.split(".")
    owner = getattr(world, part)
    with monkeypatch.context() as dying:
        dying.setattr(owner, name, failing(1 if part == "jobs" else 0, Died(), getattr(owner, name)))
        dying.setattr(type(world.rows), "forget", failing(0, Died(), lambda: None))
        with pytest.raises(Died):
            world.create(keyless())
    assert len(world.month.charged) == 3
    looked(world)
    assert world.rows.batches == {} and set(statuses(world)) <= {"failed"}
    assert world.month.charged == {job.job_id for job in world.jobs.rows.values()}
    assert world.timers.sent == []


def test_an_attempt_with_a_key_is_left_to_the_next_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    request = ask(url_item("a"), url_item("b"))
    with monkeypatch.context() as failing_once:
        failing_once.setattr(world.rows, "accept", failing(0, ConnectionError(), lambda: None))
        with pytest.raises(ConnectionError):
            world.create(request)
    assert statuses(world) == ["queued", "queued"]
    again = world.create(replace(request, resumed=True))
    assert (again["total"], len(world.jobs.rows), world.rows.batches["acme", BATCH].accepted) == (2, 2, True)
    looked(world, times=2)  # both attempts set a timer
    assert (statuses(world), len(world.timers.sent), len(world.month.charged)) == (["queued", "queued"], 2, 2)


def test_a_batch_that_was_forgotten_meanwhile_is_not_answered_as_accepted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = world.jobs.create

    def forgotten(job: Job) -> None:
        world.rows.batches.clear()
        create(job)

    monkeypatch.setattr(world.jobs, "create", forgotten)
    with pytest.raises(ServiceUnavailable, match="as a whole"):
        world.create(keyless())
    assert set(statuses(world)) == {"failed"}


def test_a_quota_that_is_used_up_leaves_nothing_to_undo(world: World) -> None:
    world.month.room = 2
    with pytest.raises(QuotaExceeded):
        world.create(keyless())
    looked(world)
    assert (world.jobs.rows, world.rows.batches, world.month.charged) == ({}, {}, set())


def test_a_completed_batch_is_looked_at_once(world: World) -> None:
    world.create(ask(url_item("a")))
    world.rows.batches["acme", BATCH] = replace(world.rows.batches["acme", BATCH], completed_at="2026-11-22T14:41:00Z")
    looked(world)
    assert (world.timers.sent, statuses(world), world.rows.ends) == ([], ["queued"], [])


def test_a_batch_that_hangs_is_ended_after_a_day(world: World) -> None:
    made = world.create(ask(url_item("a"), url_item("b"), url_item("c")))
    ids = [job["job_id"] for job in made["jobs"]]
    world.jobs.begin("acme", ids[1])
    world.jobs.bury(world.jobs.rows["acme", ids[2]])
    batch = world.rows.batches["acme", BATCH]
    world.rows.batches["acme", BATCH] = replace(
        batch, created_at=batch.created_at - LONGEST_BATCH + timedelta(minutes=1)
    )
    looked(world)
    assert (len(world.timers.sent), statuses(world)) == (1, ["deleted", "processing", "queued"])
    world.rows.batches["acme", BATCH] = replace(batch, created_at=batch.created_at - LONGEST_BATCH)
    looked(world)
    assert statuses(world) == ["deleted", "failed", "failed"]
    ended: Mapping[str, JobStatus] = {job: status for _, _, job, status in world.rows.ends}
    assert ended == {ids[0]: JobStatus.FAILED, ids[1]: JobStatus.FAILED, ids[2]: JobStatus.DELETED}
    assert world.timers.sent == []
