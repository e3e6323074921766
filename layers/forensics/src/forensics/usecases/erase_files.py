"""Everything that a job keeps in S3, gone: its media, what explains its verdict, and what its workers told each other."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.domain.job import JobStatus, artifact_prefix, work_prefix
from forensics.usecases.ports import Clock, JobStore, MediaStore


@dataclass(frozen=True)
class EraseFiles:
    """Erases the files of a deleted job; doing it twice is harmless and keeps the first receipt."""

    jobs: JobStore
    media: MediaStore
    clock: Clock

    def __call__(self, tenant: str, job_id: str, media_key: str | None) -> None:
        """Do nothing to a job that is not deleted: its DELETE was answered with an error and may never be sent again."""
        job = self.jobs.get(tenant, job_id)
        if job is not None and job.status is not JobStatus.DELETED:
            return
        if media_key is not None:
            self.media.delete(media_key)
        self.media.delete_all(artifact_prefix(tenant, job_id))
        self.media.delete_all(work_prefix(tenant, job_id))
        self.jobs.stamp_deleted(tenant, job_id, self.clock.now())
