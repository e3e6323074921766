"""The queue's door to detection: one message is one job."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.domain.errors import DetectorError, MediaFetchFailed
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.ports import Analyser, JobStore, MediaStore


@dataclass(frozen=True)
class ProcessJob:
    """Analyses a queued job; safe to run twice, because only the first finish is kept."""

    analyse: Analyser
    finish: FinishJob
    jobs: JobStore
    media: MediaStore

    def __call__(self, tenant: str, job_id: str) -> None:
        """Finish the job, as failed when its media is bad; an unknown error is raised, so that the queue tries again."""
        job = self.jobs.get(tenant, job_id)
        if job is None or job.media_key is None or not self.jobs.begin(tenant, job_id):
            return
        data = self.media.get(job.media_key)
        if data is None:
            self.finish.failed(job, MediaFetchFailed("The stored media is gone; it is kept for a day at most."))
            return
        try:
            analysis = self.analyse(data, job.options)
        except DetectorError as error:
            self.finish.failed(job, error)
        else:
            self.finish.completed(job, analysis)
