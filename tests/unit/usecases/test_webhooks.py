"""From an event to its receivers over fakes: who is told, when it is tried again, and what ends it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from examples.webhook_receiver import verify
from forensics.domain.errors import EndpointDisabled, MediaUrlForbidden, NotFound, TooManyEndpoints
from forensics.domain.events import Event, EventType, event_id
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.webhooks import CALLBACK, MAX_ATTEMPTS, Answer, Delivery, DeliveryStatus, Endpoint, EndpointStatus
from forensics.usecases.deliver_webhook import AttemptRef, Callbacks, DeliverWebhook, TellReceivers
from forensics.usecases.webhook_endpoints import WebhookEndpoints
from tests.support.fakes import START, FakeClock, FakeJobs
from tests.support.webhook_fakes import FakeBox, FakeDeliveries, FakeEndpoints, FakePoster, FakeTimer

URL = "https://hooks.example/in?token=secret"
EVERY = tuple(kind for kind in EventType if kind is not EventType.WEBHOOK_PING)
REFUSED, LATE, GONE, OK = (
    Answer(500, None, 5),
    Answer(None, "timeout", 15_000),
    Answer(410, None, 5),
    Answer(204, None, 5),
)


def guard(url: str) -> None:
    if not url.startswith("https://"):
        raise MediaUrlForbidden


class World:
    """The webhook service over fakes; `run` hands the messages that are due to the sender, as the queue does."""

    def __init__(self) -> None:
        self.endpoints, self.deliveries, self.timer = FakeEndpoints(), FakeDeliveries(), FakeTimer()
        self.post, self.jobs, self.clock = FakePoster(), FakeJobs(), FakeClock()
        shared = {"endpoints": self.endpoints, "deliveries": self.deliveries, "timer": self.timer, "box": FakeBox()}
        self.manage = WebhookEndpoints(**shared, guard=guard, clock=self.clock)  # type: ignore[arg-type]
        later = {**shared, "callback_url": Callbacks(self.jobs), "clock": self.clock}
        self.tell = TellReceivers(**later)  # type: ignore[arg-type]
        self.deliver = DeliverWebhook(**later, post=self.post, spread=lambda: 0.0)  # type: ignore[arg-type]

    def endpoint(self, *, events: tuple[EventType, ...] = EVERY, tenant: str = "acme") -> tuple[Endpoint, str]:
        return self.manage.create(tenant, url=URL, events=events, description="")

    def run(self, *, most: int = 100) -> list[float]:
        """Deliver what is due until nothing is; return the seconds that each message waited."""
        waited = []
        while self.timer.due and most:
            message, delay_s = self.timer.due.pop(0)
            waited.append(delay_s)
            self.deliver(AttemptRef(**message))  # type: ignore[arg-type]
            most -= 1
        return waited

    def delivery(self, endpoint: Endpoint) -> Delivery:
        (found,) = (d for d in self.deliveries.rows.values() if d.endpoint_id == endpoint.endpoint_id)
        return found

    def current(self, endpoint: Endpoint) -> Endpoint:
        found = self.endpoints.get(endpoint.tenant, endpoint.endpoint_id)
        assert found is not None
        return found


@pytest.fixture
def world() -> World:
    return World()


def completed(job: str = "job_1", *, tenant: str = "acme") -> Event:
    kind = EventType.DETECTION_COMPLETED
    return Event(
        event_id(kind, tenant, job), kind, tenant, "2026-11-22T14:40:00.000Z", {"job_id": job, "note": "naïve"}
    )


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
