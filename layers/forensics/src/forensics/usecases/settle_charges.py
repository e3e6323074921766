"""Charges whose job never came to be: the function died between the bill and the job, and nothing told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from forensics.usecases.limit_calls import Billing
from forensics.usecases.ports import Clock, JobStore

# A charge of the last full hour but one is an hour old at least; no call and no batch takes half of that to make its jobs.
LOOKED_BACK = (timedelta(hours=2), timedelta(hours=3))  # each hour twice, so that one run may fail


class ChargesByHour(Protocol):
    def of_hour(self, at: datetime) -> Iterable[tuple[str, str]]:
        """Yield tenant and job id of each charge that was made in that hour and not given back."""
        ...


@dataclass
class Settled:
    """What a run found: charges looked at, those given back, and whether it came to the end."""

    seen: int = 0
    released: int = 0
    finished: bool = True


@dataclass(frozen=True)
class SettleCharges:
    """Gives back what was charged for jobs that do not exist; what has a row is `SettleJobs`' to judge, by its end."""

    charges: ChargesByHour
    jobs: JobStore
    billing: Billing
    clock: Clock

    def __call__(self, *, until: datetime) -> Settled:
        """Look at each charge of the hours in LOOKED_BACK until the time is up."""
        settled, now = Settled(), self.clock.now()
        for back in LOOKED_BACK:
            for tenant, job_id in self.charges.of_hour(now - back):
                if self.clock.now() >= until:
                    settled.finished = False
                    return settled
                settled.seen += 1
                if self.jobs.get(tenant, job_id) is None:
                    self.billing.release(tenant, job_id)
                    settled.released += 1
        return settled
