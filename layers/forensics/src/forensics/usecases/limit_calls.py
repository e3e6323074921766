"""May this call pass, where do the limits stand, and which detections are billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from forensics.domain.errors import Unauthenticated
from forensics.domain.limits import (
    Account,
    Counted,
    MonthUse,
    Standing,
    Taken,
    Usage,
    Window,
    exceeded,
    minute_window,
    month_window,
)
from forensics.usecases.ports import Clock


class Counters(Protocol):
    """Exact under any number of callers at once; `store.counters` has the promises of each call."""

    def take(self, key_id: str, window: Window, *, quota: int) -> Taken: ...

    def minute_used(self, key_id: str, window: Window) -> int: ...

    def month_used(self, tenant: str, window: Window) -> MonthUse: ...

    def charge(
        self, tenant: str, job_ids: Sequence[str], window: Window, *, medium: str | None, quota: int | None
    ) -> bool: ...

    def give_back(self, tenant: str, job_id: str) -> bool: ...


@dataclass(frozen=True)
class LimitCalls:
    """Counts every call with a key against its minute, and tells where the month stands."""

    counters: Counters
    clock: Clock

    def __call__(self, account: Account) -> Counted:
        """Count the call; raises Unauthenticated when the key's time is over or it was revoked a moment ago."""
        now = self.clock.now()
        if account.expires_at is not None and account.expires_at <= now.timestamp():
            raise Unauthenticated
        window, quota = minute_window(now), account.limits.per_minute
        taken = self.counters.take(account.key_id, window, quota=quota)
        if taken.revoked:
            raise Unauthenticated
        return Counted(Standing(window, quota, taken.used), taken.allowed)

    def month(self, account: Account) -> Standing:
        """Tell where the month stands; without a limit there is nothing to tell, and nothing is read."""
        window, quota = month_window(self.clock.now()), account.limits.per_month
        used = 0 if quota is None else self.counters.month_used(account.tenant, window).used
        return Standing(window, quota, used)


@dataclass(frozen=True)
class ReadUsage:
    """Tells where an account's limits stand, without counting."""

    counters: Counters
    clock: Clock

    def __call__(self, account: Account) -> Usage:
        now = self.clock.now()
        minute, month = minute_window(now), month_window(now)
        calls = self.counters.minute_used(account.key_id, minute)
        detections = self.counters.month_used(account.tenant, month)
        return Usage(
            minute=Standing(minute, account.limits.per_minute, calls),
            month=Standing(month, account.limits.per_month, detections.used),
            by_medium=detections.by_medium,
        )


@dataclass(frozen=True)
class Billing:
    """Which detections count: each job once from when it is accepted, and not at all when it fails."""

    counters: Counters
    clock: Clock

    def reserve(self, tenant: str, *job_ids: str, quota: int | None, medium: str | None = None) -> None:
        """Count the jobs against the month, all or none; a job that is counted already stays counted once.

        `quota` is what the tenant may have in a month, None without limit. Raises QuotaExceeded, ServiceUnavailable.
        """
        now = self.clock.now()
        window = month_window(now)
        if not self.counters.charge(tenant, job_ids, window, medium=medium, quota=quota):
            raise exceeded(window, quota or 0, now)

    def release(self, tenant: str, *job_ids: str) -> None:
        """Give back what was counted for jobs that failed, were deleted before their verdict, or never came to be.

        Doing it twice, or for a job that was never counted, changes nothing.
        """
        for job_id in job_ids:
            self.counters.give_back(tenant, job_id)
