"""The bill of jobs that came to nothing, put right from the job table's stream, so that no crash can forget it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from forensics.domain.events import RowChange
from forensics.domain.job import JobStatus
from forensics.usecases.limit_calls import Billing

NO_VERDICT = (JobStatus.FAILED, JobStatus.DELETED)


@dataclass(frozen=True)
class SettleJobs:
    """Gives back detections that failed, or were deleted before their verdict; told twice, it changes nothing."""

    billing: Billing

    def __call__(self, changes: Iterable[RowChange]) -> None:
        for change in changes:
            was, row = change.before.get("status"), change.after
            if "job_id" in row and row.get("status") in NO_VERDICT and was != JobStatus.COMPLETED:
                self.billing.release(row["tenant"], row["job_id"])
