"""When a delivery is tried again, and what ends it."""

from __future__ import annotations

import json

import pytest

from forensics.domain.errors import EndpointDisabled, NotFound
from forensics.domain.webhooks import CALLBACK, MAX_ATTEMPTS, Answer, DeliveryStatus, EndpointStatus
from tests.support.fakes import START
from tests.unit.usecases.webhooks.conftest import GONE, LATE, OK, REFUSED, World, completed


def test_the_whole_schedule_then_the_endpoint_is_disabled(world: World) -> None:
    endpoint, _ = world.endpoint()
    world.post.answers = [REFUSED] * 5 + [LATE] * 5
    world.tell(completed())
    waited = world.run()
    expected = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert waited == pytest.approx(expected, abs=0.5)  # the fake clock's ticks between reckoning and asking
    assert len({headers["webhook-id"] for _, _, headers in world.post.sent}) == 1
    assert len({body for _, body, _ in world.post.sent}) == 1
    ended = world.delivery(endpoint)
    assert (ended.status, len(ended.attempts)) == (DeliveryStatus.FAILED, MAX_ATTEMPTS)
    assert world.current(endpoint).disabled_reason == "failing"


def test_an_endpoint_that_took_anything_meanwhile_stays_enabled(world: World) -> None:
    endpoint, _ = world.endpoint()
    world.post.answers = [REFUSED]
    world.tell(completed())
    world.run(most=1)
    world.post.answers = [OK] + [REFUSED] * 9
    retry = world.timer.due.pop()
    world.tell(completed("job_2"))
    world.run()
    assert world.current(endpoint).failing_since is None
    world.timer.due.append(retry)
    world.run()
    assert len(world.post.sent) == 11
    assert world.current(endpoint).enabled and world.current(endpoint).failing_since is not None


def test_retry_after_is_honoured(world: World) -> None:
    world.endpoint()
    world.post.answers = [Answer(503, None, 5, retry_after_s=120.0)]
    world.tell(completed())
    assert world.run()[1] == pytest.approx(120, abs=0.5)


def test_gone_ends_the_delivery_and_disables_the_endpoint(world: World) -> None:
    endpoint, _ = world.endpoint()
    world.post.answers = [GONE]
    world.tell(completed())
    world.run()
    assert (world.current(endpoint).status, world.current(endpoint).disabled_reason) == (
        EndpointStatus.DISABLED,
        "gone",
    )
    world.tell(completed("job_2"))
    assert not world.timer.due
    held = next(d for d in world.deliveries.rows.values() if d.subject == "job_2")
    assert held.status is DeliveryStatus.SKIPPED
    with pytest.raises(EndpointDisabled, match="ping"):
        world.manage.replay("acme", endpoint.endpoint_id, held.delivery_id)
    world.manage.ping("acme", endpoint.endpoint_id)
    world.run()
    assert world.current(endpoint).enabled
    world.manage.replay("acme", endpoint.endpoint_id, held.delivery_id)
    world.run()
    assert world.post.sent[-1][2]["webhook-id"] == completed("job_2").event_id


def test_a_ping_is_tried_once(world: World) -> None:
    endpoint, _ = world.endpoint()
    world.post.answers = [REFUSED]
    pinged = world.manage.ping("acme", endpoint.endpoint_id)
    world.run()
    assert len(world.post.sent) == 1
    assert world.delivery(endpoint).status is DeliveryStatus.FAILED
    assert json.loads(world.post.sent[0][1])["type"] == "webhook.ping" and pinged.made == 0
    with pytest.raises(NotFound):
        world.manage.ping("acme", CALLBACK)


def test_nothing_is_sent_after_the_endpoint_was_deleted(world: World) -> None:
    endpoint, _ = world.endpoint()
    world.post.answers = [REFUSED]
    world.tell(completed())
    world.run(most=1)
    world.manage.delete("acme", endpoint.endpoint_id)
    world.tell(completed("job_2"))
    world.run()
    assert len(world.post.sent) == 1
    with pytest.raises(NotFound):
        world.manage.delete("acme", endpoint.endpoint_id)


def test_a_retry_of_a_disabled_endpoint_is_given_up(world: World) -> None:
    endpoint, _ = world.endpoint()
    world.post.answers = [REFUSED]
    world.tell(completed())
    world.run(most=1)
    world.endpoints.disable("acme", endpoint.endpoint_id, reason="gone", at=START)
    world.run()
    assert len(world.post.sent) == 1 and world.delivery(endpoint).status is DeliveryStatus.FAILED
