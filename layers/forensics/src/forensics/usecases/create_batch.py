"""Take a batch in: a job for every item, each on its own way from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from forensics.domain.audit import Source
from forensics.domain.batch import Batch, BatchItem, BatchRequest, batch_document, batch_id_of
from forensics.domain.errors import DetectorError, ServiceUnavailable
from forensics.domain.ids import numbered
from forensics.domain.job import Job, JobStatus, media_key
from forensics.domain.job_list import line
from forensics.domain.result import pending_document
from forensics.media.sniff import sniff
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.limit_calls import Billing
from forensics.usecases.ports import Clock, JobStore, Queue
from forensics.usecases.uploads import TakeUpload

WORKERS = 8  # a hundred items are a few hundred short calls, and the caller waits


class BatchRows(Protocol):
    """Batches by tenant and id; another tenant's and an expired one do not exist."""

    def create(self, batch: Batch) -> None:
        """Store the batch; one that is there already stays as it is."""
        ...

    def get(self, tenant: str, batch_id: str) -> Batch | None: ...

    def end_job(self, tenant: str, batch_id: str, job_id: str, status: JobStatus) -> None:
        """Count the end of a job, once however often it is told; with the last one the batch becomes completed, exactly once."""
        ...


@dataclass(frozen=True, kw_only=True)
class CreateBatch:
    """The batch endpoint's use case; `queue` takes a message for each item, `max_bytes` is the largest file by medium."""

    rows: BatchRows
    jobs: JobStore
    queue: Queue
    uploads: TakeUpload
    finish: FinishJob
    billing: Billing
    clock: Clock
    region: str
    max_bytes: Mapping[str, int]
    check_callback: Callable[[str], None]

    def __call__(self, request: BatchRequest) -> dict[str, Any]:
        """Return the batch's document; an item's fault is its own job's failure.

        Raises QuotaExceeded (all items or none are accepted) and MediaUrlForbidden for a callback_url.
        """
        for url in {item.options.callback_url for item in request.items} - {None}:
            self.check_callback(str(url))
        base = request.job_id or self.clock.job_id(self.region)
        ids = tuple(numbered(base, index) for index in range(len(request.items)))
        batch = Batch(request.tenant, batch_id_of(base), ids, self.clock.now())
        if request.live:
            self.billing.reserve(request.tenant, *ids, quota=request.month_quota)
        # Before its jobs, so that the first of them to end finds something to be counted in.
        self.rows.create(batch)
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="batch") as pool:
            made = pool.map(lambda pair: self._accept(request, batch, *pair), zip(ids, request.items, strict=True))
            return batch_document(batch, [line(job) for job in made])

    def _accept(self, request: BatchRequest, batch: Batch, job_id: str, item: BatchItem) -> Job:
        job = self.jobs.get(request.tenant, job_id) if request.resumed else None
        if job is None:
            job = self._job(request, batch, job_id, item)
            self.jobs.create(job)
        if job.status is not JobStatus.QUEUED:
            return job
        try:
            return self._send(request, job, item)
        except DetectorError as error:
            return self.finish.failed(job, error)
        except Exception:  # a job that nobody will take up must not look as if somebody would
            return self.finish.failed(job, ServiceUnavailable("The analysis could not be started."))

    def _job(self, request: BatchRequest, batch: Batch, job_id: str, item: BatchItem) -> Job:
        job = Job(
            tenant=request.tenant,
            job_id=job_id,
            status=JobStatus.QUEUED,
            media_type=item.media_type or "",
            options=item.options,
            request_id=request.request_id,
            created_at=batch.created_at,
            # Known before there is a file, so that whatever ends the job deletes what was stored by then.
            media_key=media_key(request.tenant, job_id, retain=item.options.retain),
            batch_id=batch.batch_id,
            source=Source.URL if item.upload_id is None else Source.UPLOAD,
        )
        return replace(job, document=pending_document(job))

    def _send(self, request: BatchRequest, job: Job, item: BatchItem) -> Job:
        message: dict[str, Any] = {"tenant": job.tenant, "job_id": job.job_id, "live": request.live}
        if item.upload_id is None:
            self.queue.send({**message, "media_url": item.media_url})
        else:
            self._claim(job, item.upload_id)
            self.queue.send({**message, "upload_id": item.upload_id})
        return job

    def _claim(self, job: Job, upload_id: str) -> None:
        """Now, not when its turn comes: an upload lives for a quarter of an hour, a queue may be longer."""
        if self.uploads.claimed(job.tenant, upload_id, job.job_id):
            return
        medium = job.media_type or sniff(self.uploads.head(job.tenant, upload_id)).media_type
        upload = self.uploads.check(job.tenant, upload_id, medium=medium, max_bytes=self.max_bytes[medium])
        self.uploads.claim(upload, job.job_id)
