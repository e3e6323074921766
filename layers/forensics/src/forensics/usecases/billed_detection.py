"""Every detection is counted once: reserved before its work begins, given back when it comes to nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from forensics.domain.errors import Deleted, ServiceUnavailable, from_problem
from forensics.domain.ids import numbered
from forensics.domain.job import DetectRequest, Job, JobStatus
from forensics.usecases.accept_media import AcceptMedia, Outcome
from forensics.usecases.finish_job import with_artifact_links
from forensics.usecases.limit_calls import Billing

MOST_ATTEMPTS = 20  # with one Idempotency-Key, in its 24 hours


@dataclass(frozen=True)
class BilledDetection:
    """A medium's use case behind its bill; `detect` is called as it is, `accept` has its stores.

    A job that was accepted and fails later is given back by `SettleJobs`. Calls with a test key go to `rehearse` and cost nothing.
    """

    detect: Callable[[DetectRequest], Outcome]
    accept: AcceptMedia
    billing: Billing
    rehearse: Callable[[DetectRequest], Outcome]

    def __call__(self, request: DetectRequest) -> Outcome:
        """Return what `detect` does, or what an earlier attempt of the same call made; raises QuotaExceeded besides."""
        job_id = request.job_id or self.accept.clock.job_id(self.accept.region)
        if request.resumed:
            job_id, made = self._resumed(request.tenant, job_id)
            if made is not None:
                return made
        request = replace(request, job_id=job_id)
        if not request.live:
            return self.rehearse(request)
        self.billing.reserve(request.tenant, job_id, quota=request.month_quota, medium=self.accept.medium)
        try:
            return self.detect(request)
        except BaseException:
            self.billing.release(request.tenant, job_id)
            raise

    def _resumed(self, tenant: str, first_id: str) -> tuple[str, Outcome | None]:
        """Return the id that the job may have, and the job when an attempt before has made it.

        A job that failed by a fault of ours is over: the next attempt makes the next, whose id follows from the first.
        """
        for job_id in (first_id, *(numbered(first_id, index) for index in range(1, MOST_ATTEMPTS))):
            job = self.accept.jobs.get(tenant, job_id)
            if job is None:
                return job_id, None
            if job.status is not JobStatus.FAILED or job.document["error"]["status"] < 500:
                return job_id, self._made(job)
        raise ServiceUnavailable("This was tried too often. Take a new Idempotency-Key.")

    def _made(self, job: Job) -> Outcome:
        """The attempt before may have died at any point: what it stored stands, what it had yet to send is sent again."""
        if job.status is JobStatus.DELETED:
            raise Deleted("This job was deleted.")
        if job.status is JobStatus.FAILED:
            raise from_problem(job.document["error"])
        if not job.status.terminal:
            self.accept.queue.send({"tenant": job.tenant, "job_id": job.job_id, "media_key": job.media_key})
        return Outcome(job, with_artifact_links(job.document, job, self.accept.media), {})
