"""Read a job, waiting a little for its verdict when asked to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forensics.domain.errors import Deleted, NotFound
from forensics.domain.job import JobStatus
from forensics.usecases.finish_job import with_artifact_links
from forensics.usecases.ports import JobStore, MediaStore

POLL_INTERVAL_S = 0.25


@dataclass(frozen=True)
class GetJob:
    """Returns a job's document; another tenant's id is as unknown as one never issued."""

    jobs: JobStore
    media: MediaStore
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def __call__(self, tenant: str, job_id: str, *, wait_s: float = 0) -> dict[str, Any]:
        """Poll the store until the job is terminal or `wait_s` seconds have passed; raises NotFound or Deleted."""
        deadline = self.monotonic() + wait_s
        while True:
            job = self.jobs.get(tenant, job_id)
            if job is None:
                raise NotFound("There is no such job.")
            if job.status is JobStatus.DELETED:
                raise Deleted("This job was deleted.")
            if job.status.terminal or self.monotonic() + POLL_INTERVAL_S > deadline:
                return with_artifact_links(job.document, job, self.media)
            self.sleep(POLL_INTERVAL_S)
