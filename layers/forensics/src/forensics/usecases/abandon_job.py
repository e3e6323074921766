"""The end of a job that nobody could finish."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.domain.errors import InternalError
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.ports import JobStore


@dataclass(frozen=True)
class AbandonJob:
    """Ends a job whose worker died too often: failed, media gone."""

    finish: FinishJob
    jobs: JobStore

    def __call__(self, tenant: str, job_id: str) -> None:
        job = self.jobs.get(tenant, job_id)
        if job is not None and not job.status.terminal:
            self.finish.failed(job, InternalError("The analysis was tried several times and did not finish."))
