"""Detect: answer now, or keep the media and queue the job."""

from __future__ import annotations

import time
from dataclasses import dataclass

from forensics.domain.job import DetectRequest
from forensics.usecases.accept_media import AcceptMedia, Outcome
from forensics.usecases.finish_job import with_artifact_links
from forensics.usecases.ports import Analyser


@dataclass(frozen=True, kw_only=True)
class DetectMedia(AcceptMedia):
    """The use case of the endpoints that answer in the same call."""

    analyse: Analyser

    def __call__(self, request: DetectRequest) -> Outcome:
        """Return the job, completed, or queued when that was asked for or would take longer than the caller waits.

        Raises DetectorErrors, after which nothing is kept.
        """
        job = self.new_job(request)
        timings: dict[str, float] = {}
        start = time.perf_counter()
        if request.upload_id is not None and request.respond_async:
            return self.enqueue_upload(job, request.upload_id)
        data = self.bytes_of(job, request)
        estimate_s = self.analyse.estimate_s(data)
        if request.respond_async or estimate_s > request.wait_s:
            return self.enqueue(job, data, estimate_s)
        timings["fetch"] = (time.perf_counter() - start) * 1000
        analysis = self.analyse(data, request.options)
        start = time.perf_counter()
        if request.options.retain:
            job = self.keep(job, data)
        job = self.finish.completed(job, analysis)
        document = with_artifact_links(job.document, job, self.media)
        timings |= {**analysis.timings_ms, "store": (time.perf_counter() - start) * 1000}
        return Outcome(job, document, timings)
