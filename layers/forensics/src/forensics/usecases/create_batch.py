"""Take a batch in: a job for every item, each on its own way from here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from forensics.domain.audit import Source
from forensics.domain.batch import Batch, BatchItem, BatchRequest, batch_document, batch_id_of
from forensics.domain.errors import DetectorError, ServiceUnavailable
from forensics.domain.job import Job, JobStatus, media_key
from forensics.domain.job_list import line
from forensics.domain.result import pending_document
from forensics.media.sniff import sniff
from forensics.usecases.batch_rows import BatchRows
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.limit_calls import Billing
from forensics.usecases.ports import Clock, JobStore, Queue
from forensics.usecases.uploads import TakeUpload
from forensics.usecases.watch_batch import WatchBatch, job_ids

logger = logging.getLogger(__name__)
WORKERS = 8  # a hundred items are a few hundred short calls, and the caller waits


@dataclass(frozen=True, kw_only=True)
class CreateBatch:
    """The batch endpoint's use case; `queue` takes a message for each item, `max_bytes` is the largest file by medium."""

    rows: BatchRows
    jobs: JobStore
    queue: Queue
    uploads: TakeUpload
    finish: FinishJob
    watch: WatchBatch
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
        ids = job_ids(base, len(request.items))
        # Before anything is counted or written: should this process die, the batch is undone by the timer.
        self.watch.begin(request.tenant, base, len(ids))
        if request.live:
            self.billing.reserve(request.tenant, *ids, quota=request.month_quota)
        try:
            return self._made(request, Batch(request.tenant, batch_id_of(base), ids, self.clock.now()))
        except BaseException:
            if request.job_id is None:  # else the next attempt with the same Idempotency-Key goes on from here
                self._undo(request.tenant, base, len(ids))
            raise

    def _made(self, request: BatchRequest, batch: Batch) -> dict[str, Any]:
        # Before its jobs, so that the first of them to end finds something to be counted in.
        self.rows.create(batch)
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="batch") as pool:
            pairs = zip(batch.job_ids, request.items, strict=True)
            made = list(pool.map(lambda pair: self._accept(request, batch, *pair), pairs))
        if not self.rows.accept(batch.tenant, batch.batch_id):
            raise ServiceUnavailable("The batch could not be accepted as a whole. Try again.")
        return batch_document(batch, [line(job) for job in made])

    def _undo(self, tenant: str, base: str, number: int) -> None:
        try:
            self.watch.dissolve(tenant, base, number)
        except Exception:  # what made the batch fail may well do so again; the timer comes back to it
            logger.warning("a batch that failed could not be undone at once", exc_info=True)

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
