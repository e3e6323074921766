"""What a tenant does with its webhook endpoints: make, list, delete, rotate, ping, read the log, replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import urandom

from forensics.domain import ids
from forensics.domain.errors import EndpointDisabled, NotFound, TooManyEndpoints
from forensics.domain.events import Event, EventType, event_id
from forensics.domain.job import timestamp
from forensics.domain.webhooks import (
    CALLBACK,
    MAX_ENDPOINTS,
    ROTATION_OVERLAP,
    Delivery,
    DeliveryStatus,
    Endpoint,
)
from forensics.usecases.deliver_webhook import ask, begin, new_delivery
from forensics.usecases.ports import Clock
from forensics.usecases.webhook_ports import DeliveryStore, EndpointStore, SecretBox, Timer, UrlGuard
from forensics.usecases.webhook_secrets import new_callback, sealed_secret

UNKNOWN = "There is no such webhook endpoint."
DISABLED = "The endpoint is disabled; a ping that it answers with 2xx enables it again."


@dataclass(frozen=True, kw_only=True)
class WebhookEndpoints:
    """All calls raise NotFound for an unknown endpoint, and for another tenant's alike."""

    endpoints: EndpointStore
    deliveries: DeliveryStore
    box: SecretBox
    timer: Timer
    guard: UrlGuard
    clock: Clock

    def create(self, tenant: str, *, url: str, events: Sequence[EventType], description: str) -> tuple[Endpoint, str]:
        """Return the new endpoint and its secret, which is told this once.

        Raises MediaUrlForbidden, or TooManyEndpoints when the tenant has MAX_ENDPOINTS.
        """
        self.guard(url)
        endpoint_id = f"whe_{self._ulid()}"
        secret, sealed = sealed_secret(self.box, tenant=tenant, endpoint_id=endpoint_id)
        endpoint = Endpoint(
            tenant=tenant,
            endpoint_id=endpoint_id,
            url=url,
            events=tuple(events),
            description=description,
            created_at=self.clock.now(),
            sealed_secret=sealed,
        )
        if not self.endpoints.add(endpoint):
            raise TooManyEndpoints(f"An account may have at most {MAX_ENDPOINTS} webhook endpoints.")
        return endpoint, secret

    def all(self, tenant: str) -> list[Endpoint]:
        return self.endpoints.all(tenant)

    def get(self, tenant: str, endpoint_id: str) -> Endpoint:
        found = self.endpoints.get(tenant, endpoint_id)
        if found is None:
            raise NotFound(UNKNOWN)
        return found

    def delete(self, tenant: str, endpoint_id: str) -> None:
        if endpoint_id == CALLBACK or not self.endpoints.delete(tenant, endpoint_id):
            raise NotFound(UNKNOWN)

    def rotate(self, tenant: str, endpoint_id: str) -> tuple[Endpoint, str]:
        """Return the endpoint and its new secret; the old one signs beside it for ROTATION_OVERLAP."""
        secret, sealed = sealed_secret(self.box, tenant=tenant, endpoint_id=endpoint_id)
        now = self.clock.now()
        if endpoint_id == CALLBACK:
            made = self.endpoints.add_callback(new_callback(tenant, sealed, now=now))
            if made.sealed_secret == sealed:
                return made, secret
        until = now + ROTATION_OVERLAP
        if not self.endpoints.rotate(tenant, endpoint_id, sealed_secret=sealed, previous_until=until):
            raise NotFound(UNKNOWN)
        return self.get(tenant, endpoint_id), secret

    def ping(self, tenant: str, endpoint_id: str) -> Delivery:
        """Begin the delivery of a webhook.ping, also to a disabled endpoint; it is tried once."""
        if endpoint_id == CALLBACK:
            raise NotFound("There is no URL of its own to ping behind `callback`.")
        endpoint = self.get(tenant, endpoint_id)
        kind = EventType.WEBHOOK_PING
        told = event_id(kind, tenant, endpoint_id, part=self._ulid())
        event = Event(told, kind, tenant, timestamp(self.clock.now()), {"endpoint_id": endpoint_id})
        delivery = new_delivery(event, endpoint)
        self.deliveries.keep_event(event)
        begin(self.deliveries, self.timer, delivery)
        return delivery

    def log(
        self, tenant: str, endpoint_id: str, *, limit: int, before_id: str | None
    ) -> tuple[list[Delivery], str | None]:
        """Return deliveries, newest first, and the id to go on from when there are more."""
        if endpoint_id != CALLBACK:
            self.get(tenant, endpoint_id)
        return self.deliveries.page(tenant, endpoint_id, limit=limit, before_id=before_id)

    def replay(self, tenant: str, endpoint_id: str, delivery_id: str) -> Delivery:
        """Begin the delivery anew under the same webhook-id; one that is on its way already is left to it."""
        endpoint = self.get(tenant, endpoint_id)
        if not endpoint.enabled:
            raise EndpointDisabled(DISABLED)
        before = self.deliveries.get(tenant, endpoint_id, delivery_id)
        if before is None or self.deliveries.event(tenant, before.event_id) is None:
            raise NotFound("There is no such delivery, or what it told of was deleted.")
        if before.status is DeliveryStatus.PENDING:
            return before
        again = before.replayed()
        if self.deliveries.advance(before, again):
            ask(self.timer, again, delay_s=0)
        return again

    def _ulid(self) -> str:
        return ids.ulid(now_ms=int(self.clock.now().timestamp() * 1000), randomness=urandom(ids.RANDOM_BYTES))
