"""Detect: answer now, or keep the media and queue the job."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from forensics.domain.errors import InvalidRequest, PayloadTooLarge
from forensics.domain.job import DetectRequest, Job, JobStatus, media_key
from forensics.domain.result import pending_document
from forensics.media.sniff import expect
from forensics.usecases.finish_job import FinishJob, with_artifact_links
from forensics.usecases.ports import Analyser, Clock, Fetcher, JobStore, MediaStore, Queue


@dataclass(frozen=True)
class Outcome:
    """A job with the document to answer with; `timings_ms` by stage for a synchronous answer."""

    job: Job
    document: dict[str, object]
    timings_ms: dict[str, float]


@dataclass(frozen=True)
class DetectMedia:
    """The use case of one medium's endpoint; `max_bytes` is the largest file of that medium."""

    medium: str
    analyse: Analyser
    finish: FinishJob
    jobs: JobStore
    media: MediaStore
    queue: Queue
    fetch: Fetcher
    clock: Clock
    region: str
    max_bytes: int

    def __call__(self, request: DetectRequest) -> Outcome:
        """Return the job, completed, or queued when that was asked for or would take longer than the caller waits.

        Raises DetectorErrors, after which nothing is kept.
        """
        job = self._new_job(request)
        timings: dict[str, float] = {}
        start = time.perf_counter()
        data = self._bytes(request)
        expect(data, medium=self.medium)
        estimate_s = self.analyse.estimate_s(data)
        if request.respond_async or estimate_s > request.wait_s:
            return self._enqueue(job, data, estimate_s)
        timings["fetch"] = (time.perf_counter() - start) * 1000
        analysis = self.analyse(data, request.options)
        start = time.perf_counter()
        if request.options.retain:
            job = self._keep(job, data)
        job = self.finish.completed(job, analysis)
        document = with_artifact_links(job.document, job, self.media)
        timings |= {**analysis.timings_ms, "store": (time.perf_counter() - start) * 1000}
        return Outcome(job, document, timings)

    def _new_job(self, request: DetectRequest) -> Job:
        return Job(
            tenant=request.tenant,
            job_id=self.clock.job_id(self.region),
            status=JobStatus.QUEUED,
            media_type=self.medium,
            options=request.options,
            request_id=request.request_id,
            created_at=self.clock.now(),
        )

    def _bytes(self, request: DetectRequest) -> bytes:
        if request.media_url is not None:
            return self.fetch(request.media_url, max_bytes=self.max_bytes)
        if request.data is None:
            raise InvalidRequest("One of `file` and `media_url` is needed.")
        if len(request.data) > self.max_bytes:
            raise PayloadTooLarge(f"A file may have at most {self.max_bytes} bytes.")
        return request.data

    def _enqueue(self, job: Job, data: bytes, estimate_s: float) -> Outcome:
        """The file was fetched and looked at first, so that a bad one is this caller's 4xx and not a failed job found later."""
        job = self._keep(job, data)
        job = replace(job, document=pending_document(job, estimate_s=estimate_s))
        self.jobs.create(job)
        self.queue.send({"tenant": job.tenant, "job_id": job.job_id, "media_key": job.media_key})
        return Outcome(job, dict(job.document), {})

    def _keep(self, job: Job, data: bytes) -> Job:
        key = media_key(job.tenant, job.job_id, retain=job.options.retain)
        self.media.put(key, data, content_type="application/octet-stream")
        return replace(job, media_key=key)
