"""From an event to its receivers: one delivery for each, tried until one attempt is answered with success or all are used up."""

from __future__ import annotations

import hashlib
import json
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from forensics.domain import ids
from forensics.domain.events import Event, EventType, event_id
from forensics.domain.webhooks import (
    CALLBACK,
    CALLBACK_EVENTS,
    GONE,
    Answer,
    Attempt,
    Delivery,
    DeliveryStatus,
    Endpoint,
    retry_delay_s,
    signed_headers,
)
from forensics.usecases.ports import Clock, JobStore
from forensics.usecases.webhook_ports import DeliveryStore, EndpointStore, Poster, SecretBox, Timer
from forensics.usecases.webhook_secrets import callback_endpoint

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Callbacks:
    """The `callback_url` of a job, for as long as the job is kept: it is copied nowhere else."""

    jobs: JobStore

    def __call__(self, tenant: str, job_id: str) -> str | None:
        job = self.jobs.get(tenant, job_id)
        return job.options.callback_url if job else None


@dataclass(frozen=True, kw_only=True)
class TellReceivers:
    """Begins a delivery of an event for each endpoint that wants it; doing it twice changes nothing."""

    endpoints: EndpointStore
    deliveries: DeliveryStore
    timer: Timer
    box: SecretBox
    callback_url: Callable[[str, str], str | None]
    clock: Clock

    def __call__(self, event: Event) -> None:
        self._forget_the_deleted(event)
        receivers = list(self._receivers(event))
        if receivers:
            self.deliveries.keep_event(event)
        for endpoint in receivers:
            begin(self.deliveries, self.timer, new_delivery(event, endpoint))

    def _receivers(self, event: Event) -> Iterator[Endpoint]:
        yield from (e for e in self.endpoints.all(event.tenant) if event.type in e.events)
        if event.type in CALLBACK_EVENTS and self.callback_url(event.tenant, event.data["job_id"]):
            yield callback_endpoint(self.endpoints, self.box, event.tenant, now=self.clock.now())

    def _forget_the_deleted(self, event: Event) -> None:
        """A deleted job's results go from here too: what was not delivered by now never will be."""
        if event.type is EventType.DETECTION_DELETED and event.data["deleted"] == "job":
            told = [event_id(kind, event.tenant, event.data["job_id"]) for kind in CALLBACK_EVENTS]
            self.deliveries.forget_events(event.tenant, told)


@dataclass(frozen=True)
class AttemptRef:
    """Which attempt of which delivery a message asks for; the first is number 1."""

    tenant: str
    endpoint_id: str
    delivery_id: str
    run: int
    attempt: int

    def message(self) -> dict[str, object]:
        return {
            "tenant": self.tenant,
            "endpoint_id": self.endpoint_id,
            "delivery_id": self.delivery_id,
            "run": self.run,
            "attempt": self.attempt,
        }


@dataclass(frozen=True, kw_only=True)
class DeliverWebhook:
    """Makes one attempt. A message that comes twice never makes two chains of retries; it may, rarely, send twice."""

    endpoints: EndpointStore
    deliveries: DeliveryStore
    timer: Timer
    box: SecretBox
    post: Poster
    callback_url: Callable[[str, str], str | None]
    clock: Clock
    spread: Callable[[], float] = lambda: random.uniform(-1, 1)

    def __call__(self, ref: AttemptRef) -> None:
        delivery = self.deliveries.get(ref.tenant, ref.endpoint_id, ref.delivery_id)
        if delivery is None or delivery.status is not DeliveryStatus.PENDING or delivery.run != ref.run:
            return
        if delivery.made >= ref.attempt:
            if delivery.made == ref.attempt:
                self._schedule(delivery)  # by a worker that may have died before it asked for the next one
            return
        endpoint = self.endpoints.get(ref.tenant, ref.endpoint_id)
        if endpoint is None:
            return  # deleted: nothing is sent any more
        attempt, answer = self._attempt(endpoint, delivery)
        after = self._advance(delivery, attempt, answer)
        if after is None:
            return
        if attempt is not None:
            self._judge(endpoint, after, attempt)
        if after.status is DeliveryStatus.PENDING:
            self._schedule(after)

    def _attempt(self, endpoint: Endpoint, delivery: Delivery) -> tuple[Attempt | None, Answer | None]:
        """Send, and return what came of it; (None, None) when there is nothing to send or nowhere to send it."""
        event = self.deliveries.event(delivery.tenant, delivery.event_id)
        callback = endpoint.endpoint_id == CALLBACK
        url = self.callback_url(delivery.tenant, delivery.subject) if callback else endpoint.url
        if event is None or not url or not (endpoint.enabled or event.type is EventType.WEBHOOK_PING):
            return None, None
        now = self.clock.now()
        secrets = [
            self.box.open(sealed, tenant=endpoint.tenant, endpoint_id=endpoint.endpoint_id)
            for sealed in endpoint.sealed_secrets(now)
        ]
        body = json.dumps(event.body(), ensure_ascii=False, separators=(",", ":")).encode()
        headers = signed_headers(secrets, webhook_id=event.event_id, timestamp=int(now.timestamp()), body=body)
        answer = self.post(url, body=body, headers=headers)
        return Attempt(now, answer.status, answer.error, answer.ms), answer

    def _advance(self, delivery: Delivery, attempt: Attempt | None, answer: Answer | None) -> Delivery | None:
        """Return the delivery as it stands now; None when another message moved it on meanwhile."""
        if attempt is None or answer is None:
            after = delivery.given_up()
        else:
            after = delivery.after(attempt, next_attempt_at=self._next_attempt_at(delivery, attempt, answer))
            _log(after, attempt)
        return after if self.deliveries.advance(delivery, after) else None

    def _next_attempt_at(self, delivery: Delivery, attempt: Attempt, answer: Answer) -> datetime | None:
        made = delivery.made + 1
        if attempt.delivered or answer.status == GONE or made >= delivery.max_attempts:
            return None
        wait_s = retry_delay_s(made, spread=self.spread(), retry_after_s=answer.retry_after_s)
        return self.clock.now() + timedelta(seconds=wait_s)

    def _judge(self, endpoint: Endpoint, after: Delivery, attempt: Attempt) -> None:
        """Enable or disable the endpoint by how the attempt went; CALLBACK is many URLs and is never judged by one."""
        where = (endpoint.tenant, endpoint.endpoint_id)
        if endpoint.endpoint_id == CALLBACK:
            return
        if attempt.delivered:
            if endpoint.failing_since or not endpoint.enabled:
                self.endpoints.succeeded(*where)
            return
        failing_since = self.endpoints.failed(*where, at=attempt.at)
        if attempt.status == GONE:
            self.endpoints.disable(*where, reason="gone", at=attempt.at)
        elif after.exhausted and failing_since <= after.run_began_at:
            self.endpoints.disable(*where, reason="failing", at=attempt.at)

    def _schedule(self, delivery: Delivery) -> None:
        if delivery.next_attempt_at is not None:
            delay_s = (delivery.next_attempt_at - self.clock.now()).total_seconds()
            ask(self.timer, delivery, delay_s=max(0.0, delay_s))


def new_delivery(event: Event, endpoint: Endpoint) -> Delivery:
    """Return the delivery of an event to an endpoint; its id depends on both alone and sorts by the event's time."""
    moment = datetime.fromisoformat(event.timestamp)
    digest = hashlib.sha256(f"{event.event_id}\n{endpoint.endpoint_id}".encode()).digest()
    ulid = ids.ulid(now_ms=int(moment.timestamp() * 1000), randomness=digest[: ids.RANDOM_BYTES])
    sends = endpoint.enabled or event.type is EventType.WEBHOOK_PING
    return Delivery(
        tenant=event.tenant,
        endpoint_id=endpoint.endpoint_id,
        delivery_id=f"dlv_{ulid}",
        event_id=event.event_id,
        event_type=event.type,
        subject=str(event.data.get("job_id") or event.data.get("batch_id") or ""),
        created_at=moment,
        status=DeliveryStatus.PENDING if sends else DeliveryStatus.SKIPPED,
    )


def begin(deliveries: DeliveryStore, timer: Timer, delivery: Delivery) -> None:
    """Store a new delivery and ask for its first attempt; both may have happened before."""
    deliveries.add(delivery)
    if delivery.status is DeliveryStatus.PENDING:
        ask(timer, delivery, delay_s=0)


def ask(timer: Timer, delivery: Delivery, *, delay_s: float) -> None:
    """Ask for the next attempt."""
    attempt = delivery.made + 1
    ref = AttemptRef(delivery.tenant, delivery.endpoint_id, delivery.delivery_id, delivery.run, attempt)
    name = hashlib.sha256("\n".join(map(str, ref.message().values())).encode()).hexdigest()
    timer.send(ref.message(), delay_s=delay_s, name=f"webhook-{name[:32]}")


def _log(delivery: Delivery, attempt: Attempt) -> None:
    logger.info(
        "webhook attempt",
        extra={
            "tenant": delivery.tenant,
            "endpoint_id": delivery.endpoint_id,
            "delivery_id": delivery.delivery_id,
            "webhook_id": delivery.event_id,
            "attempt": delivery.made,
            "status": attempt.status,
            "error": attempt.error,
            "ms": attempt.ms,
        },
    )
