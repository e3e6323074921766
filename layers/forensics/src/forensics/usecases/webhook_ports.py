"""What the webhook use cases ask of the outside world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from forensics.domain.events import Event
from forensics.domain.webhooks import Answer, Delivery, Endpoint


class EndpointStore(Protocol):
    """Endpoints by tenant and id; another tenant's does not exist."""

    def add(self, endpoint: Endpoint) -> bool:
        """Store a new endpoint; False when the tenant has MAX_ENDPOINTS already."""
        ...

    def add_callback(self, endpoint: Endpoint) -> Endpoint:
        """Store the tenant's own endpoint unless it is there; return the one that is."""
        ...

    def all(self, tenant: str) -> list[Endpoint]:
        """Return the tenant's endpoints, oldest first, without its own one."""
        ...

    def get(self, tenant: str, endpoint_id: str) -> Endpoint | None: ...

    def delete(self, tenant: str, endpoint_id: str) -> bool: ...

    def rotate(self, tenant: str, endpoint_id: str, *, sealed_secret: str, previous_until: datetime) -> bool:
        """Make the present secret the previous one; False when there is no such endpoint."""
        ...

    def disable(self, tenant: str, endpoint_id: str, *, reason: str, at: datetime) -> None: ...

    def succeeded(self, tenant: str, endpoint_id: str) -> None:
        """Enable the endpoint and forget its failures; one that was deleted stays so."""
        ...

    def failed(self, tenant: str, endpoint_id: str, *, at: datetime) -> datetime:
        """Note a failure, and return since when no attempt has succeeded."""
        ...


class DeliveryStore(Protocol):
    """Events that have receivers, and their deliveries."""

    def keep_event(self, event: Event) -> None: ...

    def event(self, tenant: str, event_id: str) -> Event | None: ...

    def forget_events(self, tenant: str, event_ids: Sequence[str]) -> None: ...

    def add(self, delivery: Delivery) -> None:
        """Store a new delivery; one that is there already stays as it is."""
        ...

    def get(self, tenant: str, endpoint_id: str, delivery_id: str) -> Delivery | None: ...

    def advance(self, before: Delivery, after: Delivery) -> bool:
        """Replace `before` by `after`; False when another has moved it on meanwhile."""
        ...

    def page(
        self, tenant: str, endpoint_id: str, *, limit: int, before_id: str | None
    ) -> tuple[list[Delivery], str | None]:
        """Return deliveries, newest first, and the id to go on from when there are more."""
        ...


class SecretBox(Protocol):
    """Seals secrets so that who reads the table cannot sign; sealed for one tenant and endpoint alone."""

    def seal(self, secret: str, *, tenant: str, endpoint_id: str) -> str: ...

    def open(self, sealed: str, *, tenant: str, endpoint_id: str) -> str: ...


class Timer(Protocol):
    """Sends a message to the senders' queue, at once or at a moment up to days ahead."""

    def send(self, message: Mapping[str, object], *, delay_s: float, name: str) -> None:
        """`name` makes it harmless to ask twice for one moment."""
        ...


class Poster(Protocol):
    """Posts to a caller's URL under the SSRF guard; never raises for what the other side does."""

    def __call__(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer: ...


class UrlGuard(Protocol):
    def __call__(self, url: str) -> None:
        """Raise MediaUrlForbidden unless the URL and every address behind it may be reached."""
        ...
