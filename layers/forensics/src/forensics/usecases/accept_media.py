"""The way in, the same for all media: a request becomes a job, its file is fetched, sniffed and, for later, kept and queued."""

from __future__ import annotations

from dataclasses import dataclass, replace

from forensics.domain.audit import Source
from forensics.domain.errors import InvalidRequest, MediaUrlForbidden, PayloadTooLarge, ServiceUnavailable
from forensics.domain.job import DetectRequest, Job, JobStatus, media_key
from forensics.domain.result import pending_document
from forensics.domain.upload import Upload
from forensics.media.sniff import expect
from forensics.usecases.finish_job import PURGE_BACKSTOP_S, FinishJob
from forensics.usecases.ports import Clock, Fetcher, JobStore, MediaStore, Queue
from forensics.usecases.uploads import TakeUpload
from forensics.usecases.webhook_ports import UrlGuard

RETRY_AFTER_S = "5"


@dataclass(frozen=True)
class Outcome:
    """A job with the document to answer with; `timings_ms` by stage for a synchronous answer."""

    job: Job
    document: dict[str, object]
    timings_ms: dict[str, float]


def refuse_callback(url: str) -> None:
    """The guard of a service that sends no webhooks."""
    raise MediaUrlForbidden("This service sends no webhooks.")


@dataclass(frozen=True, kw_only=True)
class AcceptMedia:
    """What every medium's endpoint does first; `max_bytes` is the largest file of that medium."""

    medium: str
    jobs: JobStore
    media: MediaStore
    queue: Queue
    fetch: Fetcher
    uploads: TakeUpload
    finish: FinishJob
    clock: Clock
    region: str
    max_bytes: int
    check_callback: UrlGuard = refuse_callback

    def new_job(self, request: DetectRequest) -> Job:
        """Return a job that is not stored yet; raises MediaUrlForbidden for a callback_url that may not be reached."""
        if request.options.callback_url is not None:
            self.check_callback(request.options.callback_url)
        return Job(
            tenant=request.tenant,
            job_id=request.job_id or self.clock.job_id(self.region),
            status=JobStatus.QUEUED,
            media_type=self.medium,
            options=request.options,
            request_id=request.request_id,
            created_at=self.clock.now(),
            source=_source(request),
        )

    def bytes_of(self, job: Job, request: DetectRequest) -> bytes:
        """Return the file, sent, fetched or taken from its upload; raises DetectorErrors when it is none of this medium."""
        if request.upload_id is not None:
            return self.uploads.take(self._claimed(job, request.upload_id))
        data = self._received(request)
        expect(data, medium=self.medium)
        return data

    def enqueue(self, job: Job, data: bytes, estimate_s: float) -> Outcome:
        """The file was fetched and looked at first, so that a bad one is this caller's 4xx and not a failed job found later."""
        return self._queue(self.keep(job, data), estimate_s)

    def enqueue_upload(self, job: Job, upload_id: str) -> Outcome:
        """Queue an uploaded file by its size and first bytes alone: it may be larger than this process's memory."""
        key = media_key(job.tenant, job.job_id, retain=job.options.retain)
        self.uploads.move(self._claimed(job, upload_id), key)
        return self._queue(replace(job, media_key=key), 0.0)

    def keep(self, job: Job, data: bytes) -> Job:
        """Return the job with its file stored."""
        key = media_key(job.tenant, job.job_id, retain=job.options.retain)
        self.media.put(key, data, content_type="application/octet-stream")
        return replace(job, media_key=key)

    def _queue(self, job: Job, estimate_s: float) -> Outcome:
        job = replace(job, document=pending_document(job, estimate_s=estimate_s))
        message = {"tenant": job.tenant, "job_id": job.job_id}
        try:
            self.jobs.create(job)
        except Exception:
            # Whatever it was, the file must not stay: unless the row is there after all, the timer deletes it.
            self.finish.purge_queue.send({**message, "erase": job.media_key}, delay_s=PURGE_BACKSTOP_S)
            raise
        try:
            self.queue.send({**message, "media_key": job.media_key})
        except Exception as error:  # a job that nobody will take up must not look as if somebody would
            raise self._never_started(job) from error
        return Outcome(job, dict(job.document), {})

    def _never_started(self, job: Job) -> ServiceUnavailable:
        """Fail the job and delete its file, a retained one too: its caller learns no id to ask for."""
        refused = ServiceUnavailable("The analysis could not be started.", headers={"Retry-After": RETRY_AFTER_S})
        self.finish.failed(replace(job, options=replace(job.options, retain=False)), refused)
        return refused

    def _claimed(self, job: Job, upload_id: str) -> Upload:
        """Looked at before it is claimed, so that the wrong path or a half-done upload does not use it up."""
        if (before := self.uploads.claimed(job.tenant, upload_id, job.job_id)) is not None:
            return before
        upload = self.uploads.check(job.tenant, upload_id, medium=self.medium, max_bytes=self.max_bytes)
        self.uploads.claim(upload, job.job_id)
        return upload

    def _received(self, request: DetectRequest) -> bytes:
        if request.media_url is not None:
            return self.fetch(request.media_url, max_bytes=self.max_bytes)
        if request.data is None:
            raise InvalidRequest("One of `file`, `media_url` and `upload_id` is needed.")
        if len(request.data) > self.max_bytes:
            raise PayloadTooLarge(f"A file may have at most {self.max_bytes} bytes.")
        return request.data


def _source(request: DetectRequest) -> Source:
    if request.media_url is not None:
        return Source.URL
    return Source.UPLOAD if request.upload_id is not None else Source.FILE
