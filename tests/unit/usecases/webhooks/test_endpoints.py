"""What a tenant does with its endpoints: makes them, rotates their secrets, reads their log and replays from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from examples.webhook_receiver import verify
from forensics.domain.errors import MediaUrlForbidden, NotFound, TooManyEndpoints
from tests.support.fakes import START
from tests.unit.usecases.webhooks.conftest import EVERY, World, completed


def test_rotation_signs_with_both_for_a_day(world: World) -> None:
    endpoint, old = world.endpoint()
    rotated, new = world.manage.rotate("acme", endpoint.endpoint_id)
    assert rotated.previous_until is not None
    assert rotated.previous_until - START == pytest.approx(timedelta(hours=24), abs=timedelta(seconds=5))
    world.tell(completed())
    world.run()
    for secret in (old, new):
        verify(secret, world.post.sent[0][2], world.post.sent[0][1], now=START.timestamp())
    with pytest.raises(NotFound):
        world.manage.rotate("rival", endpoint.endpoint_id)


def test_ten_endpoints_and_no_forbidden_url(world: World) -> None:
    with pytest.raises(MediaUrlForbidden):
        world.manage.create("acme", url="http://10.0.0.1", events=EVERY, description="")
    for _ in range(10):
        world.endpoint()
    with pytest.raises(TooManyEndpoints, match="at most 10"):
        world.endpoint()
    world.endpoint(tenant="rival")


def test_the_log_is_paged_newest_first_and_a_running_delivery_is_not_replayed(world: World) -> None:
    endpoint, _ = world.endpoint()
    for number in range(5):
        event = completed(f"job_{number}")
        world.tell(replace(event, timestamp=f"2026-11-22T14:40:0{number}.000Z"))
    first, more = world.manage.log("acme", endpoint.endpoint_id, limit=3, before_id=None)
    rest, end = world.manage.log("acme", endpoint.endpoint_id, limit=3, before_id=more)
    assert [d.subject for d in (*first, *rest)] == ["job_4", "job_3", "job_2", "job_1", "job_0"] and end is None
    due = len(world.timer.due)
    assert world.manage.replay("acme", endpoint.endpoint_id, first[0].delivery_id).run == 1
    assert len(world.timer.due) == due
    with pytest.raises(NotFound):
        world.manage.log("rival", endpoint.endpoint_id, limit=3, before_id=None)
