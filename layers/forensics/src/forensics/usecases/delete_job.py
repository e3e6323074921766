"""DELETE: whatever a job has is gone now, and nothing that still runs for it brings anything back."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from forensics.domain.errors import Deleted, NotFound
from forensics.domain.job import JobStatus
from forensics.usecases.erase_files import EraseFiles
from forensics.usecases.ports import JobStore, Queue, StopsExecutions

# A worker that was at it when its job was deleted may write once more before it notices: the longest runs for 230 s.
ERASE_AGAIN_S = (45, 240)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeleteJob:
    """Leaves a tombstone, which every later reader, worker and finish meets; erases the files; stops a video's execution."""

    jobs: JobStore
    erase: EraseFiles
    purge_queue: Queue
    executions: StopsExecutions

    def __call__(self, tenant: str, job_id: str) -> None:
        """Raise NotFound for an id that is unknown or another tenant's, Deleted when the job is deleted already."""
        job = self.jobs.get(tenant, job_id)
        if job is None:
            raise NotFound("There is no such job.")
        if job.status is JobStatus.DELETED:
            raise Deleted("This job was deleted.")
        for (
            delay_s
        ) in ERASE_AGAIN_S:  # before the tombstone, which forgets the key; they do nothing to a job without one
            message = {"tenant": tenant, "job_id": job_id, "erase": job.media_key}
            self.purge_queue.send(message, delay_s=delay_s)
        before = self.jobs.bury(job)
        if before is None:
            raise Deleted("This job was deleted.")
        if before.media_type == "video" and not before.status.terminal:
            self._stop(job_id)
        self.erase(tenant, job_id, before.media_key)

    def _stop(self, job_id: str) -> None:
        try:
            self.executions.stop(job_id)
        except Exception:  # the job is deleted all the same: its workers find no file, and its end changes nothing
            logger.warning("the execution of a deleted job could not be stopped", exc_info=True)
