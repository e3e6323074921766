"""Windows of time in which calls and detections are counted, and where a limit stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from forensics.domain.errors import QuotaExceeded
from forensics.domain.plans import Limits

MINUTE, MONTHLY = "minute", "monthly"
MINUTE_S = 60
MONTH_S = 30 * 24 * 3600  # what the policy's field says; the window itself is the calendar month


@dataclass(frozen=True)
class Account:
    """Whose call is counted: the tenant, the key, and what that key may ask for. A key that is not `live` is never billed."""

    tenant: str
    key_id: str
    plan: str
    limits: Limits
    live: bool = True
    expires_at: int | None = None  # seconds of the epoch


@dataclass(frozen=True)
class Window:
    """One window: `label` names it in the counters' table, at `ends_at` it starts from nothing."""

    name: str
    label: str
    length_s: int
    ends_at: datetime


@dataclass(frozen=True)
class Standing:
    """Where one limit stands; `quota` None is no limit."""

    window: Window
    quota: int | None
    used: int

    @property
    def remaining(self) -> int | None:
        return None if self.quota is None else max(0, self.quota - self.used)


@dataclass(frozen=True)
class Taken:
    """What became of one call: how many the window has now, and whether this one is among them."""

    used: int
    allowed: bool
    revoked: bool = False


@dataclass(frozen=True)
class MonthUse:
    """Detections of one month, all and by medium."""

    used: int
    by_medium: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """Where the minute stands after a call was counted; `allowed` is False when it was one too many."""

    minute: Standing
    allowed: bool


@dataclass(frozen=True)
class Usage:
    """What a key used of its minute and its tenant of the month, detections by medium besides."""

    minute: Standing
    month: Standing
    by_medium: Mapping[str, int]


def minute_window(now: datetime) -> Window:
    """Return the minute of the clock: every minute begins with a whole allowance."""
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    return Window(MINUTE, start.strftime("%Y-%m-%dT%H:%M"), MINUTE_S, start + timedelta(seconds=MINUTE_S))


def month_window(now: datetime) -> Window:
    """Return the calendar month in UTC."""
    start = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Window(MONTHLY, start.strftime("%Y-%m"), MONTH_S, (start + timedelta(days=32)).replace(day=1))


def seconds_left(window: Window, now: datetime) -> int:
    """Return the whole seconds until the window ends, at least 1."""
    return max(1, -(-int((window.ends_at - now).total_seconds() * 1000) // 1000))


def exceeded(window: Window, quota: int, now: datetime) -> QuotaExceeded:
    """Return the error of a call beyond a limit, with when to come back."""
    what = f"{quota} requests a minute per key" if window.name == MINUTE else f"{quota} detections a month"
    return QuotaExceeded(
        f"The limit is {what}.",
        extensions={"violated-policies": [window.name]},
        headers={"Retry-After": str(seconds_left(window, now))},
    )
