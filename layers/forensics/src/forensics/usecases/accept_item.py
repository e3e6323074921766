"""A batch's item when its turn comes: the file is fetched or moved to where its job's media lies, and its medium takes over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from forensics.domain.errors import DetectorError, PayloadTooLarge, UnsupportedMediaType, UploadIncomplete
from forensics.domain.job import Job, JobStatus
from forensics.domain.rehearsal import rehearsed_analysis, scripted
from forensics.domain.result import pending_document
from forensics.domain.upload import upload_key
from forensics.media.sniff import expect, sniff, telling_head
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.ports import Fetcher, JobStore, MediaStore, Queue
from forensics.usecases.uploads import NOTHING_THERE, UploadFiles


class ItemJobs(JobStore, Protocol):
    def take_in(self, job: Job) -> bool:
        """Write a queued job's medium and document; False when it is queued no longer."""
        ...


@dataclass(frozen=True, kw_only=True)
class AcceptItem:
    """The batch queue's consumer; safe to run twice. `queues` and `max_bytes` are by medium."""

    jobs: ItemJobs
    media: MediaStore
    uploads: UploadFiles
    fetch: Fetcher
    finish: FinishJob
    queues: Mapping[str, Queue]
    max_bytes: Mapping[str, int]

    def __call__(self, message: Mapping[str, Any]) -> None:
        """Hand the job on, or fail it with the problem of its file; an unknown error is raised, so that the queue tries again."""
        job = self.jobs.get(message["tenant"], message["job_id"])
        if job is None or job.status is not JobStatus.QUEUED or job.media_key is None:
            return
        try:
            job = self._stored(job, message, job.media_key)
            if message["live"]:
                self._hand_on(job)
            else:
                self._rehearse(job)
        except DetectorError as error:
            self.finish.failed(job, error)

    def _stored(self, job: Job, message: Mapping[str, Any], key: str) -> Job:
        if (url := message.get("media_url")) is not None:
            most = self.max_bytes[job.media_type] if job.media_type else max(self.max_bytes.values())
            data = self.fetch(url, max_bytes=most)
            medium = self._medium(job, data, len(data))
            self.media.put(key, data, content_type="application/octet-stream")
        else:
            if (upload := message.get("upload_id")) is not None:
                self.uploads.move(upload_key(job.tenant, upload), key)
            size = self.uploads.size(key)  # else the intake has put it there
            if size is None:
                raise UploadIncomplete(NOTHING_THERE)
            head = telling_head(lambda most: self.uploads.head(key, max_bytes=most) or b"")
            medium = self._medium(job, head, size)
        job = replace(job, media_type=medium)
        return replace(job, document=pending_document(job))

    def _medium(self, job: Job, head: bytes, size: int) -> str:
        medium = job.media_type or sniff(head).media_type
        expect(head, medium=medium)
        if medium not in self.queues:
            raise UnsupportedMediaType(f"This deployment does not analyse {medium}.")
        if size > self.max_bytes[medium]:
            raise PayloadTooLarge(f"A file of this medium may have at most {self.max_bytes[medium]} bytes.")
        return medium

    def _hand_on(self, job: Job) -> None:
        if not self.jobs.take_in(job):  # deleted meanwhile: nothing of it may stay
            self.media.delete(str(job.media_key))
            return
        message = {"tenant": job.tenant, "job_id": job.job_id, "media_key": job.media_key}
        self.queues[job.media_type].send(message)

    def _rehearse(self, job: Job) -> None:
        """Answer a test key from its script, as the endpoints do."""
        script = scripted(job.options.external_id, job.media_type)
        if isinstance(script, DetectorError):
            raise script
        data = self.media.get(str(job.media_key)) or b""
        self.finish.completed(job, rehearsed_analysis(script, data, medium=job.media_type, format=sniff(data).name))
