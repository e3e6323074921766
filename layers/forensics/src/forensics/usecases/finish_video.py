"""The state machine's tasks that end a video's job: one with the verdict, one with the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Protocol

from forensics.domain.errors import DetectorError, InternalError, from_problem
from forensics.domain.job import JobStatus
from forensics.domain.result import Analysis, Artifact
from forensics.domain.video import ChunkResult, SoundResult, VideoModel, VideoPlan
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.join_video import join_video
from forensics.usecases.ports import FilmProvenanceReader, JobStore, OpensMedia
from forensics.usecases.work_files import WorkFiles

MEDIA_FAULT = "MediaFault"  # how the tasks name errors that blame the file; the state machine knows it
READERS = 8  # chunk results fetched at once
GAVE_UP = "The analysis was tried several times and did not finish."

Ended = dict[str, str]


class VideoExplainer(Protocol):
    """Draws what explains an analysis; `source` is the file."""

    def __call__(
        self,
        source: BinaryIO,
        plan: VideoPlan,
        chunks: Sequence[ChunkResult],
        sound: SoundResult | None,
        analysis: Analysis,
        *,
        model: VideoModel,
    ) -> tuple[Artifact, ...]: ...


@dataclass(frozen=True)
class JoinTask:
    """`tenant`, `job_id`, `media_key`, `plan` and `found` in; the job's status out. A job that has ended is left as it is."""

    jobs: JobStore
    media: OpensMedia
    work: WorkFiles
    finish: FinishJob
    read_provenance: FilmProvenanceReader
    model: VideoModel
    explain: VideoExplainer

    def __call__(self, task: Mapping[str, Any]) -> Ended:
        """Raise MediaCorrupt when nothing of the file could be decoded, MediaFetchFailed when it is gone."""
        job = self.jobs.get(task["tenant"], task["job_id"])
        if job is None or job.status.terminal:
            return {"status": job.status.value if job else "gone"}
        plan, chunks, sound = self._plan(task["plan"]), self._chunks(task["found"]["chunks"]), task["found"]["sound"]
        heard = SoundResult.from_json(self.work.result(sound)) if sound else None
        with self.media.open(task["media_key"]) as source:
            provenance = self.read_provenance(source)
            analysis = join_video(plan, chunks, heard, provenance, job.options, model=self.model)
            if job.options.explain:
                shown = self.explain(source, plan, chunks, heard, analysis, model=self.model)
                analysis = replace(analysis, artifacts=shown)
        return {"status": self.finish.completed(job, analysis).status.value}

    def _plan(self, plan: Mapping[str, Any]) -> VideoPlan:
        chunks = self.work.get(plan["chunks_key"]) if "chunks_key" in plan else plan["chunks"]
        return VideoPlan.from_json({**plan, "chunks": chunks})

    def _chunks(self, told: Sequence[Mapping[str, Any] | None]) -> list[ChunkResult]:
        """A child execution that failed altogether tells nothing: null."""
        with ThreadPoolExecutor(READERS) as pool:
            return [ChunkResult.from_json(found) for found in pool.map(self.work.result, filter(None, told))]


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
