"""The webhook service over fakes: its endpoints, its deliveries, and an event to tell of."""

from __future__ import annotations

import pytest

from forensics.domain.errors import MediaUrlForbidden
from forensics.domain.events import Event, EventType, event_id
from forensics.domain.webhooks import Answer, Delivery, Endpoint
from forensics.usecases.deliver_webhook import AttemptRef, Callbacks, DeliverWebhook, TellReceivers
from forensics.usecases.webhook_endpoints import WebhookEndpoints
from tests.support.fakes import FakeClock, FakeJobs
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
