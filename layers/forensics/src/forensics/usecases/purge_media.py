"""The backstop of the privacy promise: media still there 45 s after the verdict goes now."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.domain.job import work_prefix
from forensics.usecases.ports import Clock, JobStore, MediaStore


@dataclass(frozen=True)
class PurgeMedia:
    """Deletes a finished job's media; doing it twice is harmless and keeps the first receipt."""

    jobs: JobStore
    media: MediaStore
    clock: Clock

    def __call__(self, tenant: str, job_id: str, media_key: str | None) -> None:
        """Without a `media_key` the media is retained, and only what workers left for each other goes."""
        self.media.delete_all(work_prefix(tenant, job_id))
        if media_key is None:
            return
        self.media.delete(media_key)
        self.jobs.stamp_deleted(tenant, job_id, self.clock.now())
