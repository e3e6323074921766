"""The state machine's tasks that read the file: each takes a state's input; what it finds goes to S3, its key to the next state."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forensics.domain.video import Chunk
from forensics.media.video_plan import FRAMES_PER_CHUNK
from forensics.usecases.analyse_video import VoiceReader, estimated_s, hear_sound, plan_video, score_chunk
from forensics.usecases.ports import AudioDetector, ImageDetector, JobStore, OpensMedia
from forensics.usecases.watch_faces import FaceWatch
from forensics.usecases.work_files import WorkFiles

Task = Mapping[str, Any]  # a state's input: tenant, job_id, media_key, and what the task's own docs name
INLINE_CHUNKS = 40  # as many as the state machine takes from its own state; of more it reads the list from S3


class JobEnded(Exception):
    """The job was deleted or has failed before its analysis began; the state machine knows the name."""


@dataclass(frozen=True)
class PlanTask:
    """Mark the job as processing; a VideoPlan out, with `chunk_count`, and `chunks_key` in place of more than INLINE_CHUNKS.

    Raises JobEnded, and what `plan_video` raises.
    """

    jobs: JobStore
    media: OpensMedia
    work: WorkFiles
    max_seconds: float
    max_bytes: int
    frames_per_chunk: int = FRAMES_PER_CHUNK

    def __call__(self, task: Task) -> dict[str, Any]:
        if not self.jobs.begin(task["tenant"], task["job_id"]):
            raise JobEnded
        with self.media.open(task["media_key"]) as source:
            plan = plan_video(
                source,
                max_seconds=self.max_seconds,
                max_bytes=self.max_bytes,
                frames_per_chunk=self.frames_per_chunk,
            ).to_json()
        plan["chunk_count"] = len(plan["chunks"])
        if plan["chunk_count"] > INLINE_CHUNKS:
            plan |= {"chunks_key": self.work.put(task, "chunks", plan["chunks"]), "chunks": []}
        return plan


@dataclass(frozen=True)
class FramesTask:
    """`chunk` in, `index` and the `result_key` of a ChunkResult out."""

    media: OpensMedia
    work: WorkFiles
    detector: ImageDetector
    watch: Callable[[], FaceWatch] | None = None  # makes a new one for every chunk

    def __call__(self, task: Task) -> dict[str, Any]:
        watch = self.watch() if self.watch else None
        with self.media.open(task["media_key"]) as source:
            found = score_chunk(source, Chunk.from_json(task["chunk"]), self.detector, watch)
        key = self.work.put(task, f"chunk-{found.index}", found.to_json())
        return {"index": found.index, "result_key": key}


@dataclass(frozen=True)
class SoundTask:
    """The `result_key` of a SoundResult out."""

    media: OpensMedia
    work: WorkFiles
    detector: AudioDetector
    max_seconds: float
    voice_reader: VoiceReader | None = None

    def __call__(self, task: Task) -> dict[str, Any]:
        with self.media.open(task["media_key"]) as source:
            found = hear_sound(source, self.detector, max_seconds=self.max_seconds, voice_reader=self.voice_reader)
        return {"result_key": self.work.put(task, "sound", found.to_json())}


def glance(*, max_seconds: float, max_bytes: int) -> Callable[[bytes], float]:
    """Return what the endpoint looks at a file with: seconds of work on one slow machine; raises as `plan_video` does."""

    def look(data: bytes) -> float:
        plan = plan_video(io.BytesIO(data), max_seconds=max_seconds, max_bytes=max_bytes)
        return estimated_s(plan)

    return look
