"""Detect a video: its job goes to the state machine at once, and the caller waits for the verdict as long as it cares to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from forensics.domain.errors import from_problem
from forensics.domain.job import DetectRequest, Job, JobStatus
from forensics.usecases.accept_media import AcceptMedia, Outcome
from forensics.usecases.get_job import GetJob

LONGEST_S = 900  # of an execution, which the state machine says too; also the longest delay of a queue


@dataclass(frozen=True, kw_only=True)
class DetectVideo(AcceptMedia):
    """The video endpoint's use case; `queue` starts executions, `estimate_s` raises when a file is none to analyse."""

    estimate_s: Callable[[bytes], float]
    read: GetJob
    monotonic: Callable[[], float] = time.monotonic

    def __call__(self, request: DetectRequest) -> Outcome:
        """Return the job: completed when the verdict came in time, else as it stands.

        Raises DetectorErrors: before the job is kept for a file that is bad at a glance, or as the job itself failed.
        """
        started = self.monotonic()
        queued = self._queued(self.new_job(request), request)
        if request.respond_async:
            return queued
        kept_s = self.monotonic() - started
        document = self.read(request.tenant, queued.job.job_id, wait_s=max(0.0, request.wait_s - kept_s))
        if document["status"] == JobStatus.FAILED:
            raise from_problem(document["error"])
        waited_s = self.monotonic() - started - kept_s
        return Outcome(queued.job, document, {"accept": kept_s * 1000, "analyse": waited_s * 1000})

    def _queue(self, job: Job, estimate_s: float) -> Outcome:
        """Should this process die before the execution starts, a timer ends the job when no execution can run any more."""
        self.finish.purge_queue.send({"tenant": job.tenant, "job_id": job.job_id}, delay_s=LONGEST_S)
        return super()._queue(job, estimate_s)

    def _queued(self, job: Job, request: DetectRequest) -> Outcome:
        if request.upload_id is not None:
            return self.enqueue_upload(job, request.upload_id)
        data = self.bytes_of(job, request)
        return self.enqueue(job, data, self.estimate_s(data))
