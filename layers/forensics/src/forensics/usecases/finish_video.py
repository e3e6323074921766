"""The state machine's tasks that end a video's job: one with the verdict, one with the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forensics.domain.errors import DetectorError, InternalError, MediaFetchFailed, from_problem
from forensics.domain.job import JobStatus
from forensics.domain.video import ChunkResult, SoundResult, VideoModel, VideoPlan
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.join_video import join_video
from forensics.usecases.ports import JobStore, MediaStore, ProvenanceReader

MEDIA_FAULT = "MediaFault"  # how the tasks name errors that blame the file; the state machine knows it
GAVE_UP = "The analysis was tried several times and did not finish."

Ended = dict[str, str]


@dataclass(frozen=True)
class JoinTask:
    """`tenant`, `job_id`, `media_key`, `plan` and `found` in; the job's status out. A job that has ended is left as it is."""

    jobs: JobStore
    media: MediaStore
    finish: FinishJob
    read_provenance: ProvenanceReader
    model: VideoModel

    def __call__(self, task: Mapping[str, Any]) -> Ended:
        """Raise MediaCorrupt when nothing of the file could be decoded, MediaFetchFailed when it is gone."""
        job = self.jobs.get(task["tenant"], task["job_id"])
        if job is None or job.status.terminal:
            return {"status": job.status.value if job else "gone"}
        data = self.media.get(task["media_key"])
        if data is None:
            raise MediaFetchFailed("The stored media is gone; it is kept for a day at most.")
        chunks = [ChunkResult.from_json(chunk) for chunk in task["found"]["chunks"]]
        sound = SoundResult.from_json(task["found"]["sound"]) if task["found"]["sound"] else None
        provenance = self.read_provenance(data, None)
        plan = VideoPlan.from_json(task["plan"])
        analysis = join_video(plan, chunks, sound, provenance, job.options, model=self.model)
        return {"status": self.finish.completed(job, analysis).status.value}


@dataclass(frozen=True)
class FailTask:
    """`tenant`, `job_id` and `error` (what a Catch puts there) in; the job's status out. A job that has ended is left as it is."""

    jobs: JobStore
    finish: FinishJob

    def __call__(self, task: Mapping[str, Any]) -> Ended:
        job = self.jobs.get(task["tenant"], task["job_id"])
        if job is None or job.status.terminal:
            return {"status": job.status.value if job else "gone"}
        self.finish.failed(job, caught(task.get("error", {})))
        return {"status": JobStatus.FAILED.value}


def fault(error: DetectorError) -> str:
    """Return the text of a MediaFault, which `caught` reads."""
    return json.dumps({"code": error.code, "detail": error.detail})


def caught(error: Mapping[str, str]) -> DetectorError:
    """Return the error to tell the caller: the file's own fault in its own words, InternalError for everything else."""
    if error.get("Error") != MEDIA_FAULT:
        return InternalError(GAVE_UP)
    try:
        return from_problem(json.loads(json.loads(error["Cause"])["errorMessage"]))
    except (KeyError, TypeError, ValueError):  # a cause that was cut short
        return InternalError(GAVE_UP)
