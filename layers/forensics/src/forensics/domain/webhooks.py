"""Webhooks by Standard Webhooks 1.0.0: endpoints, deliveries, signatures and the schedule of retries."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from forensics.domain.events import EventType

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
MAX_ENDPOINTS = 10  # of a tenant
ROTATION_OVERLAP = timedelta(hours=24)  # how long the old secret signs beside the new one

_MINUTE, _HOUR = 60, 3600
RETRY_DELAYS_S = (5, 5 * _MINUTE, 30 * _MINUTE, *(h * _HOUR for h in (2, 5, 10, 14, 20, 24)))
MAX_ATTEMPTS = 1 + len(RETRY_DELAYS_S)
JITTER = 0.1  # of each delay, to either side
MAX_RETRY_AFTER_S = 24 * _HOUR  # the longest wait that a receiver may ask for
KEPT_ATTEMPTS = 3 * MAX_ATTEMPTS  # of one delivery's log, replays included

CALLBACK = "callback"  # the id of every tenant's own endpoint behind `callback_url`
CALLBACK_EVENTS = (EventType.DETECTION_COMPLETED, EventType.DETECTION_FAILED)
GONE = 410


class EndpointStatus(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # the last attempt failed, or the endpoint was disabled in between
    SKIPPED = "skipped"  # the endpoint was disabled when the event came


@dataclass(frozen=True)
class Endpoint:
    """Where a tenant wants events of some types; secrets are sealed, never plain. CALLBACK has an empty URL."""

    tenant: str
    endpoint_id: str
    url: str = field(repr=False)
    events: tuple[EventType, ...]
    description: str
    created_at: datetime
    sealed_secret: str = field(repr=False)
    sealed_previous: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None
    status: EndpointStatus = EndpointStatus.ENABLED
    disabled_reason: str | None = None  # gone | failing
    disabled_at: datetime | None = None
    failing_since: datetime | None = None

    @property
    def enabled(self) -> bool:
        return self.status is EndpointStatus.ENABLED

    def sealed_secrets(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that sign now, the newest first."""
        overlaps = self.sealed_previous and self.previous_until and now < self.previous_until
        return (
            (self.sealed_secret, self.sealed_previous) if overlaps and self.sealed_previous else (self.sealed_secret,)
        )


@dataclass(frozen=True)
class Answer:
    """What a receiver said, or why it said nothing: `timeout` or `unreachable`."""

    status: int | None
    error: str | None
    ms: int
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Attempt:
    """One try: the answer's status, or why there was none (`timeout`, `unreachable`)."""

    at: datetime
    status: int | None
    error: str | None
    ms: int

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one endpoint; `made` counts the attempts of this `run`, a replay begins a new one."""

    tenant: str
    endpoint_id: str
    delivery_id: str
    event_id: str
    event_type: EventType
    subject: str  # the job or batch that it is about; empty for a ping
    created_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    run: int = 1
    made: int = 0
    next_attempt_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def max_attempts(self) -> int:
        return 1 if self.event_type is EventType.WEBHOOK_PING else MAX_ATTEMPTS

    @property
    def exhausted(self) -> bool:
        return self.made >= MAX_ATTEMPTS and self.status is DeliveryStatus.FAILED

    @property
    def run_began_at(self) -> datetime:
        """When the first attempt of this run was made; the delivery's own time before that."""
        return self.attempts[-self.made].at if self.made else self.created_at

    def given_up(self) -> Delivery:
        """Return the delivery as failed without another attempt."""
        return replace(self, status=DeliveryStatus.FAILED, next_attempt_at=None)

    def after(self, attempt: Attempt, *, next_attempt_at: datetime | None) -> Delivery:
        """Return the delivery with one attempt more; without a next one it has ended."""
        ended = DeliveryStatus.DELIVERED if attempt.delivered else DeliveryStatus.FAILED
        return replace(
            self,
            status=ended if next_attempt_at is None else DeliveryStatus.PENDING,
            made=self.made + 1,
            next_attempt_at=next_attempt_at,
            attempts=(*self.attempts, attempt)[-KEPT_ATTEMPTS:],
        )

    def replayed(self) -> Delivery:
        """Return the delivery at the beginning of a new run."""
        return replace(self, status=DeliveryStatus.PENDING, run=self.run + 1, made=0, next_attempt_at=None)


def new_secret(randomness: bytes) -> str:
    """Return `whsec_` and the base64 of the key; Standard Webhooks asks for 24 to 64 bytes."""
    if len(randomness) != SECRET_BYTES:
        raise ValueError(f"a secret takes {SECRET_BYTES} random bytes, got {len(randomness)}")
    return SECRET_PREFIX + base64.b64encode(randomness).decode()


def sign(secret: str, *, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; `timestamp` in seconds since the epoch."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def signed_headers(secrets: Sequence[str], *, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of one attempt, one signature for each secret."""
    signatures = [sign(secret, webhook_id=webhook_id, timestamp=timestamp, body=body) for secret in secrets]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def retry_delay_s(made: int, *, spread: float, retry_after_s: float | None = None) -> float:
    """Return the seconds to wait after `made` failed attempts; `spread` in [-1, 1] places it within the jitter.

    What the receiver asks for counts when it is longer, up to MAX_RETRY_AFTER_S.
    """
    planned = RETRY_DELAYS_S[made - 1] * (1 + JITTER * spread)
    return max(planned, min(retry_after_s or 0.0, MAX_RETRY_AFTER_S))
