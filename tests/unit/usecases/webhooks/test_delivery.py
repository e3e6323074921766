"""From an event to its receivers: who is told, what is told once however often it comes, and what is never told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from examples.webhook_receiver import verify
from forensics.domain.errors import NotFound
from forensics.domain.events import Event, EventType, event_id
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.webhooks import CALLBACK, Answer, DeliveryStatus
from forensics.usecases.deliver_webhook import AttemptRef
from tests.support.fakes import START
from tests.support.webhook_fakes import FakePoster
from tests.unit.usecases.webhooks.conftest import GONE, REFUSED, URL, World, completed


def test_those_who_asked_for_the_type_are_told_signed(world: World) -> None:
    wanted, secret = world.endpoint(events=(EventType.DETECTION_COMPLETED,))
    world.endpoint(events=(EventType.DETECTION_FAILED,))
    world.endpoint(tenant="rival")
    world.tell(completed())
    world.run()
    ((url, body, headers),) = world.post.sent
    assert (url, headers["webhook-id"]) == (URL, completed().event_id)
    verify(secret, headers, body, now=START.timestamp())
    assert json.loads(body) == completed().body()
    assert world.delivery(wanted).status is DeliveryStatus.DELIVERED


def test_an_event_that_comes_twice_is_delivered_once(world: World) -> None:
    world.endpoint()
    world.tell(completed())
    world.run()
    world.tell(completed())
    world.run()
    assert len(world.post.sent) == 1


def test_without_receivers_nothing_is_kept(world: World) -> None:
    world.tell(completed())
    assert not world.deliveries.events and not world.timer.due


def test_a_message_that_comes_twice_makes_one_chain(world: World) -> None:
    world.endpoint()
    world.post.answers = [REFUSED] * 3
    world.tell(completed())
    first = dict(world.timer.due[0][0])
    world.run(most=1)
    names = list(world.timer.names)
    world.deliver(AttemptRef(**first))  # type: ignore[arg-type]
    assert len(world.post.sent) == 1
    assert world.timer.names[len(names) :] == names[-1:]  # asked for again under the same name: one schedule
    world.run()
    world.deliver(AttemptRef(**first))  # type: ignore[arg-type]
    assert not world.timer.due


def test_two_workers_at_one_message_record_one_attempt(world: World) -> None:
    endpoint, _ = world.endpoint()
    world.tell(completed())
    message, _ = world.timer.due.pop()
    other = AttemptRef(**message)  # type: ignore[arg-type]

    class Overtaken(FakePoster):
        def __call__(self, url: str, *, body: bytes, headers: object) -> Answer:  # type: ignore[override]
            if not self.sent:
                self.sent.append((url, body, {}))
                world.deliver(other)
            return REFUSED

    slow = replace(world.deliver, post=Overtaken())
    slow(other)
    assert world.delivery(endpoint).made == 1
    assert len(world.timer.due) == 0  # the first one succeeded, and the second asks for nothing


def test_a_callback_url_gets_its_jobs_verdict(world: World) -> None:
    job = Job("acme", "job_1", JobStatus.COMPLETED, "image", DetectOptions(callback_url=URL), "r", START)
    world.jobs.create(job)
    _, secret = world.manage.rotate("acme", CALLBACK)
    world.tell(completed())
    world.tell(completed("job_without"))
    world.run()
    ((url, body, headers),) = world.post.sent
    verify(secret, headers, body, now=START.timestamp())
    assert url == URL and len(world.manage.log("acme", CALLBACK, limit=5, before_id=None)[0]) == 1
    assert world.manage.all("acme") == []


def test_a_callback_needs_no_secret_beforehand_and_410_stops_nobody_else(world: World) -> None:
    for name in ("job_1", "job_2"):
        world.jobs.create(Job("acme", name, JobStatus.COMPLETED, "image", DetectOptions(callback_url=URL), "r", START))
    world.post.answers = [GONE]
    world.tell(completed())
    world.tell(completed("job_2"))
    world.run()
    assert [d.status for d in world.deliveries.rows.values()] == [DeliveryStatus.FAILED, DeliveryStatus.DELIVERED]
    callback = world.endpoints.get("acme", CALLBACK)
    _, secret = world.manage.rotate("acme", CALLBACK)
    assert callback is not None and callback.sealed_secret not in secret
    rotated = world.endpoints.get("acme", CALLBACK)
    assert rotated is not None and rotated.sealed_previous == callback.sealed_secret


def test_a_deleted_jobs_verdict_is_not_sent_any_more(world: World) -> None:
    endpoint, _ = world.endpoint(events=(EventType.DETECTION_COMPLETED,))
    world.post.answers = [REFUSED]
    world.tell(completed())
    world.run(most=1)
    kind = EventType.DETECTION_DELETED
    data = {"job_id": "job_1", "deleted": "job"}
    world.tell(Event(event_id(kind, "acme", "job_1", part="job"), kind, "acme", "2026-11-22T14:41:00.000Z", data))
    world.run()
    assert len(world.post.sent) == 1 and world.delivery(endpoint).status is DeliveryStatus.FAILED
    with pytest.raises(NotFound, match="deleted"):
        world.manage.replay("acme", endpoint.endpoint_id, world.delivery(endpoint).delivery_id)


def test_the_purge_of_the_media_forgets_no_verdict(world: World) -> None:
    world.endpoint(events=(EventType.DETECTION_COMPLETED,))
    world.tell(completed())
    kind = EventType.DETECTION_DELETED
    data = {"job_id": "job_1", "deleted": "media"}
    world.tell(Event(event_id(kind, "acme", "job_1", part="media"), kind, "acme", "2026-11-22T14:41:00.000Z", data))
    world.run()
    assert len(world.post.sent) == 1
