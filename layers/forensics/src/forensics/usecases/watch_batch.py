"""A batch comes in whole or not at all, and ends: what died on the way is found by a timer that was set before anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from forensics.domain.batch import Batch, batch_id_of
from forensics.domain.errors import ServiceUnavailable
from forensics.domain.ids import numbered
from forensics.domain.job import JobStatus
from forensics.usecases.abandon_job import AbandonJob
from forensics.usecases.batch_rows import BatchRows
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.limit_calls import Billing
from forensics.usecases.ports import Clock, JobStore, Queue

LOOK_AGAIN_S = 900  # the longest delay of a queue; no call that makes a batch lives a tenth of it
LONGEST_BATCH = timedelta(hours=26)  # a queue keeps an item for a day: nobody is at work for an older one


def job_ids(base: str, number: int) -> tuple[str, ...]:
    """Return the ids of a batch's jobs, in the order of its items."""
    return tuple(numbered(base, index) for index in range(number))


@dataclass(frozen=True)
class DissolveBatch:
    """Undoes a batch that was not accepted as a whole: it is forgotten, waiting jobs fail, nothing stays billed."""

    rows: BatchRows
    jobs: JobStore
    finish: FinishJob
    billing: Billing

    def __call__(self, tenant: str, base: str, number: int) -> None:
        """Do nothing to a batch that was accepted; doing it twice is harmless."""
        if not self.rows.forget(tenant, batch_id_of(base)):
            return
        for job_id in job_ids(base, number):
            job = self.jobs.get(tenant, job_id)
            if job is None:
                self.billing.release(tenant, job_id)
            elif job.status is JobStatus.QUEUED:  # its bill is released by its end
                self.finish.failed(job, ServiceUnavailable("The batch could not be accepted as a whole."))


@dataclass(frozen=True)
class WatchBatch:
    """Looks at a batch every quarter of an hour until it is completed; the timer's message names it."""

    rows: BatchRows
    jobs: JobStore
    dissolve: DissolveBatch
    abandon: AbandonJob
    timer: Queue
    clock: Clock

    def begin(self, tenant: str, base: str, number: int) -> None:
        self.timer.send({"tenant": tenant, "batch_of": base, "items": number}, delay_s=LOOK_AGAIN_S)

    def __call__(self, message: Mapping[str, Any]) -> None:
        """Dissolve a batch whose call died, end one that hangs, or look again later."""
        tenant, base, number = message["tenant"], message["batch_of"], message["items"]
        batch = self.rows.get(tenant, batch_id_of(base))
        if batch is None or not batch.accepted:
            self.dissolve(tenant, base, number)
        elif batch.completed_at is None and self.clock.now() - batch.created_at < LONGEST_BATCH:
            self.begin(tenant, base, number)
        elif batch.completed_at is None:
            self._end(batch, job_ids(base, number))

    def _end(self, batch: Batch, ids: Sequence[str]) -> None:
        """Fail the jobs that nobody will take up; count all ends again, should one have been missed."""
        for job_id in ids:
            self.abandon(batch.tenant, job_id)
            job = self.jobs.get(batch.tenant, job_id)
            self.rows.end_job(batch.tenant, batch.batch_id, job_id, job.status if job else JobStatus.DELETED)
