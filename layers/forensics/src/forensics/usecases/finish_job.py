"""The end of every job, the same for all media: stored exactly once, media gone, receipt written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from forensics.domain.errors import DetectorError
from forensics.domain.job import Job, JobStatus, artifact_key, work_prefix
from forensics.domain.result import Analysis, completed_document, failed_document
from forensics.usecases.ports import Clock, JobStore, MediaStore, Queue

PURGE_BACKSTOP_S = 45  # inside the 60 s promise, with room for the queue's own delay


@dataclass(frozen=True)
class FinishJob:
    """Writes the terminal document and deletes media that was stored only to be analysed."""

    jobs: JobStore
    media: MediaStore
    purge_queue: Queue
    clock: Clock

    def completed(self, job: Job, analysis: Analysis) -> Job:
        kept = self._keep_artifacts(job, analysis)
        now = self.clock.now()
        document = completed_document(job, analysis, completed_at=now, deleted_at=self._deleted_at(job, now))
        return self._finish(job.finished(JobStatus.COMPLETED, document, artifact_keys=kept))

    def failed(self, job: Job, error: DetectorError) -> Job:
        now = self.clock.now()
        document = failed_document(job, error, completed_at=now, deleted_at=self._deleted_at(job, now))
        return self._finish(job.finished(JobStatus.FAILED, document))

    def _finish(self, job: Job) -> Job:
        stored_media = job.media_key if job.media_key and not job.options.retain else None
        worked = job.media_type == "video"  # its workers left files for each other
        if stored_media or worked:
            message = {"tenant": job.tenant, "job_id": job.job_id, "purge": stored_media}
            self.purge_queue.send(message, delay_s=PURGE_BACKSTOP_S)
        self.jobs.finish(job)
        if worked:
            self.media.delete_all(work_prefix(job.tenant, job.job_id))
        if not stored_media:
            return job
        self.media.delete(stored_media)
        deleted_at = self.clock.now()
        self.jobs.stamp_deleted(job.tenant, job.job_id, deleted_at)
        return job

    def _keep_artifacts(self, job: Job, analysis: Analysis) -> dict[str, str]:
        keys = {a.name: artifact_key(job.tenant, job.job_id, a.file_name) for a in analysis.artifacts}
        for artifact in analysis.artifacts:
            self.media.put(keys[artifact.name], artifact.data, content_type=artifact.content_type)
        return keys

    def _deleted_at(self, job: Job, now: datetime) -> datetime | None:
        """Media that lived only in this process's memory is gone with the verdict; stored media is stamped after its delete."""
        return now if job.media_key is None else None


def with_artifact_links(document: Mapping[str, Any], job: Job, media: MediaStore) -> dict[str, Any]:
    """Return the document with fresh short-lived links to its artefacts."""
    if not job.artifact_keys:
        return dict(document)
    links = {f"{name}_url": media.signed_url(key) for name, key in job.artifact_keys.items()}
    return {**document, "artifacts": links}
