"""Fakes of the webhook ports: in memory, with the same rules as the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from forensics.domain.events import Event
from forensics.domain.webhooks import CALLBACK, MAX_ENDPOINTS, Answer, Delivery, Endpoint, EndpointStatus


@dataclass
class FakeEndpoints:
    rows: dict[tuple[str, str], Endpoint] = field(default_factory=dict)

    def add(self, endpoint: Endpoint) -> bool:
        if len(self.all(endpoint.tenant)) >= MAX_ENDPOINTS:
            return False
        self.rows[endpoint.tenant, endpoint.endpoint_id] = endpoint
        return True

    def add_callback(self, endpoint: Endpoint) -> Endpoint:
        return self.rows.setdefault((endpoint.tenant, CALLBACK), endpoint)

    def all(self, tenant: str) -> list[Endpoint]:
        return [e for (owner, name), e in self.rows.items() if owner == tenant and name != CALLBACK]

    def get(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        return self.rows.get((tenant, endpoint_id))

    def delete(self, tenant: str, endpoint_id: str) -> bool:
        return self.rows.pop((tenant, endpoint_id), None) is not None

    def rotate(self, tenant: str, endpoint_id: str, *, sealed_secret: str, previous_until: datetime) -> bool:
        found = self.rows.get((tenant, endpoint_id))
        if found is None:
            return False
        self._change(found, sealed_previous=found.sealed_secret, sealed_secret=sealed_secret)
        self._change(self.rows[tenant, endpoint_id], previous_until=previous_until)
        return True

    def disable(self, tenant: str, endpoint_id: str, *, reason: str, at: datetime) -> None:
        if found := self.rows.get((tenant, endpoint_id)):
            self._change(found, status=EndpointStatus.DISABLED, disabled_reason=reason, disabled_at=at)

    def succeeded(self, tenant: str, endpoint_id: str) -> None:
        if found := self.rows.get((tenant, endpoint_id)):
            enabled = {"status": EndpointStatus.ENABLED, "disabled_reason": None, "disabled_at": None}
            self._change(found, failing_since=None, **enabled)

    def failed(self, tenant: str, endpoint_id: str, *, at: datetime) -> datetime:
        found = self.rows.get((tenant, endpoint_id))
        if found is None:
            return at
        self._change(found, failing_since=found.failing_since or at)
        return found.failing_since or at

    def _change(self, endpoint: Endpoint, **changes: object) -> None:
        self.rows[endpoint.tenant, endpoint.endpoint_id] = replace(endpoint, **changes)  # type: ignore[arg-type]


@dataclass
class FakeDeliveries:
    events: dict[tuple[str, str], Event] = field(default_factory=dict)
    rows: dict[tuple[str, str, str], Delivery] = field(default_factory=dict)

    def keep_event(self, event: Event) -> None:
        self.events.setdefault((event.tenant, event.event_id), event)

    def event(self, tenant: str, event_id: str) -> Event | None:
        return self.events.get((tenant, event_id))

    def forget_events(self, tenant: str, event_ids: Sequence[str]) -> None:
        for event_id in event_ids:
            self.events.pop((tenant, event_id), None)

    def add(self, delivery: Delivery) -> None:
        self.rows.setdefault((delivery.tenant, delivery.endpoint_id, delivery.delivery_id), delivery)

    def get(self, tenant: str, endpoint_id: str, delivery_id: str) -> Delivery | None:
        return self.rows.get((tenant, endpoint_id, delivery_id))

    def advance(self, before: Delivery, after: Delivery) -> bool:
        where = (before.tenant, before.endpoint_id, before.delivery_id)
        if self.rows.get(where) != before:
            return False
        self.rows[where] = after
        return True

    def page(
        self, tenant: str, endpoint_id: str, *, limit: int, before_id: str | None
    ) -> tuple[list[Delivery], str | None]:
        found = [d for (t, e, _), d in self.rows.items() if (t, e) == (tenant, endpoint_id)]
        found = sorted((d for d in found if d.delivery_id < (before_id or "~")), key=lambda d: d.delivery_id)[::-1]
        return found[:limit], found[limit - 1].delivery_id if len(found) > limit else None


class FakeBox:
    def seal(self, secret: str, *, tenant: str, endpoint_id: str) -> str:
        return f"{tenant}/{endpoint_id}/{secret}"

    def open(self, sealed: str, *, tenant: str, endpoint_id: str) -> str:
        owner, endpoint, secret = sealed.split("/", 2)
        assert (owner, endpoint) == (tenant, endpoint_id)
        return secret


@dataclass
class FakeTimer:
    """`due` are the messages with the seconds that they are to wait."""

    due: list[tuple[dict[str, object], float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def send(self, message: Mapping[str, object], *, delay_s: float, name: str) -> None:
        self.due.append((dict(message), delay_s))
        self.names.append(name)


@dataclass
class FakePoster:
    """Answers 204, or what is in `answers`, the first first."""

    answers: list[Answer] = field(default_factory=list)
    sent: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)

    def __call__(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.sent.append((url, body, dict(headers)))
        return self.answers.pop(0) if self.answers else Answer(204, None, 7)
