"""The doors of other systems: what came in by a queue, a bus or a folder becomes a job as any call's does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from forensics.domain.audit import Source
from forensics.domain.errors import (
    DetectorError,
    Forbidden,
    IdempotencyKeyReused,
    InternalError,
    InvalidRequest,
    MediaUrlForbidden,
    PayloadTooLarge,
    ServiceUnavailable,
    UploadNotFound,
)
from forensics.domain.idempotency import Answer, Attempt, record_id
from forensics.domain.intake import ROUTE, Arrival, Drop, IntakeItem, NotAttributable
from forensics.domain.job import Job, JobStatus, media_key
from forensics.domain.result import pending_document
from forensics.media.sniff import sniff
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.idempotency import Idempotency
from forensics.usecases.intake_rights import Rights
from forensics.usecases.limit_calls import Billing
from forensics.usecases.ports import JobStore, Queue
from forensics.usecases.uploads import TakeUpload

PATIENCE_S = 60.0  # the function's own time: an attempt that is older has died
ACCEPTED = 202
NO_SUCH_FILE = (
    "There is no such file in the folder: it was never put there, was taken before, or was replaced meanwhile."
)
NOT_STARTED = "The analysis could not be started."
MAY_NOT = "No key of this tenant that is in force may ask for this detection."


class ReadsFields(Protocol):
    def __call__(self, fields: Mapping[str, Any], *, tenant: str) -> IntakeItem:
        """Return the validated item; raises InvalidRequest."""
        ...


class DroppedFiles(Protocol):
    def move(self, drop: Drop, to: str) -> bool:
        """Move the file; harmless when it was done before. False when it is gone, or another has its name by now."""
        ...

    def delete(self, drop: Drop) -> None:
        """Delete the file, unless another has its name by now."""
        ...


@dataclass(frozen=True, kw_only=True)
class TakeIn:
    """Takes one arrival in, exactly once however often it is told; `queue` is that of the items, as a batch's.

    `salvage` gives what is left of fields that are not valid: what the sender knows the request by.
    """

    read: ReadsFields
    salvage: Callable[[Mapping[str, Any]], IntakeItem]
    rights: Callable[[str], Rights | None]
    attempts: Idempotency
    jobs: JobStore
    drops: DroppedFiles
    uploads: TakeUpload
    queue: Queue
    finish: FinishJob
    billing: Billing
    check_callback: Callable[[str], None]
    max_bytes: Mapping[str, int]

    def __call__(self, arrival: Arrival, *, last: bool) -> None:
        """Make the job, or one that has failed with the problem of the request.

        Raises NotAttributable for a tenant that is unknown, and what a passing fault raises, but not the `last` time.
        """
        rights = self.rights(arrival.tenant)
        if rights is None:
            raise NotAttributable("an unknown tenant")
        item, fault = self._read(arrival)
        identity = f"key:{item.idempotency_key}" if item.idempotency_key else arrival.identity
        try:
            self._once(identity, _Asked(arrival, item, rights, last, fault))
        except IdempotencyKeyReused as reused:
            self._once(arrival.identity, _Asked(arrival, item, rights, last, reused))

    def _read(self, arrival: Arrival) -> tuple[IntakeItem, DetectorError | None]:
        if arrival.item is not None:
            return arrival.item, None
        try:
            item = self.read(arrival.fields, tenant=arrival.tenant)
        except InvalidRequest as fault:
            return self.salvage(arrival.fields), fault
        try:
            if item.options.callback_url is not None:
                self.check_callback(item.options.callback_url)
        except MediaUrlForbidden as fault:
            return replace(item, options=replace(item.options, callback_url=None)), fault
        return item, None

    def _once(self, identity: str, asked: _Asked) -> None:
        record = record_id(asked.arrival.tenant, ROUTE, identity)
        attempt = self.attempts.begin(record, asked.arrival.fingerprint, patience_s=PATIENCE_S)
        if isinstance(attempt, Answer):
            return
        try:
            self._accept(asked, attempt)
        except BaseException:
            self.attempts.end(attempt, Answer(ServiceUnavailable.status, {}, None))  # the next may run at once
            raise
        self.attempts.end(attempt, Answer(ACCEPTED, {}, None, attempt.job_id))

    def _accept(self, asked: _Asked, attempt: Attempt) -> None:
        tenant = asked.arrival.tenant
        job = self.jobs.get(tenant, attempt.job_id) if attempt.resumed else None
        try:
            if job is None:
                job = self._made(asked, attempt.job_id)
            if job.status is JobStatus.QUEUED:
                self._send(asked.item, job)
        except Exception as error:
            fault = error if isinstance(error, DetectorError) else ServiceUnavailable(NOT_STARTED)
            if fault.status >= InternalError.status and not asked.last:
                raise
            # At last a job that nobody will take up must not look as if somebody would.
            self._fail(asked.item, job or replace(self._new_job(asked, attempt.job_id), media_key=None), fault)

    def _made(self, asked: _Asked, job_id: str) -> Job:
        job = self._new_job(asked, job_id)
        self._allow(asked, job)
        self.jobs.create(job)
        return job

    def _new_job(self, asked: _Asked, job_id: str) -> Job:
        tenant, item = asked.arrival.tenant, asked.item
        job = Job(
            tenant=tenant,
            job_id=job_id,
            status=JobStatus.QUEUED,
            media_type=item.media_type or "",
            options=item.options,
            request_id=asked.arrival.request_id,
            created_at=self.finish.clock.now(),
            # Known before there is a file, so that whatever ends the job deletes what was stored by then.
            media_key=media_key(tenant, job_id, retain=item.options.retain),
            source=_source(item),
            door=ROUTE,
        )
        return replace(job, document=pending_document(job))

    def _allow(self, asked: _Asked, job: Job) -> None:
        if asked.fault is not None:
            raise asked.fault
        item, rights = asked.item, asked.rights
        if not (rights.test if item.test else rights.live):
            raise Forbidden(MAY_NOT)
        if not item.test:
            self.billing.reserve(job.tenant, job.job_id, quota=rights.per_month, medium=item.media_type)

    def _send(self, item: IntakeItem, job: Job) -> None:
        """Claim or move the file now: an upload lives for a quarter of an hour, and a queue may be longer."""
        message: dict[str, Any] = {"tenant": job.tenant, "job_id": job.job_id, "live": not item.test}
        if item.media_url is not None:
            self.queue.send({**message, "media_url": item.media_url})
        elif item.upload_id is not None:
            self._claim(job, item.upload_id)
            self.queue.send({**message, "upload_id": item.upload_id})
        elif item.drop is not None:
            if (item.drop.size or 0) > max(self.max_bytes.values()):
                raise PayloadTooLarge(f"A file may have at most {max(self.max_bytes.values())} bytes.")
            if not self.drops.move(item.drop, str(job.media_key)):
                raise UploadNotFound(NO_SUCH_FILE)
            self.queue.send(message)

    def _claim(self, job: Job, upload_id: str) -> None:
        if self.uploads.claimed(job.tenant, upload_id, job.job_id):
            return
        medium = job.media_type or sniff(self.uploads.head(job.tenant, upload_id)).media_type
        upload = self.uploads.check(job.tenant, upload_id, medium=medium, max_bytes=self.max_bytes[medium])
        self.uploads.claim(upload, job.job_id)

    def _fail(self, item: IntakeItem, job: Job, fault: DetectorError) -> None:
        """A retained file of a job that never began is not kept: there is no verdict that it could be held against."""
        if item.drop is not None:
            self.drops.delete(item.drop)
        self.finish.failed(replace(job, options=replace(job.options, retain=False)), fault)


@dataclass(frozen=True)
class _Asked:
    """An arrival with what is known of it; `fault` is what is wrong with it as such, `last` says that it does not come again."""

    arrival: Arrival
    item: IntakeItem
    rights: Rights
    last: bool
    fault: DetectorError | None = None


def _source(item: IntakeItem) -> str:
    places = {Source.URL: item.media_url, Source.UPLOAD: item.upload_id, Source.DROP: item.drop}
    return next((place for place, found in places.items() if found is not None), "")
