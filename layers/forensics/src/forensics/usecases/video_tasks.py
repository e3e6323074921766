"""The state machine's tasks that read the file: each takes a state's input and returns plain JSON for the next."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from forensics.domain.video import Chunk
from forensics.usecases.analyse_video import SECONDS_PER_FRAME, hear_sound, plan_video, score_chunk
from forensics.usecases.ports import AudioDetector, ImageDetector

Task = Mapping[str, Any]  # a state's input: media_key, and what the task's own docs name


class OpensMedia(Protocol):
    """A store whose files can be read in part."""

    def open(self, key: str) -> BinaryIO: ...


@dataclass(frozen=True)
class PlanTask:
    """`media_key` in, a VideoPlan out."""

    media: OpensMedia
    max_seconds: float
    max_bytes: int

    def __call__(self, task: Task) -> dict[str, Any]:
        with self.media.open(task["media_key"]) as source:
            return plan_video(source, max_seconds=self.max_seconds, max_bytes=self.max_bytes).to_json()


@dataclass(frozen=True)
class FramesTask:
    """`media_key` and `chunk` in, a ChunkResult out."""

    media: OpensMedia
    detector: ImageDetector

    def __call__(self, task: Task) -> dict[str, Any]:
        with self.media.open(task["media_key"]) as source:
            return score_chunk(source, Chunk.from_json(task["chunk"]), self.detector).to_json()


@dataclass(frozen=True)
class SoundTask:
    """`media_key` in, a SoundResult out."""

    media: OpensMedia
    detector: AudioDetector
    max_seconds: float

    def __call__(self, task: Task) -> dict[str, Any]:
        with self.media.open(task["media_key"]) as source:
            return hear_sound(source, self.detector, max_seconds=self.max_seconds).to_json()


def glance(*, max_seconds: float, max_bytes: int) -> Callable[[bytes], float]:
    """Return what the endpoint looks at a file with: seconds of work on one slow machine; raises as `plan_video` does."""

    def look(data: bytes) -> float:
        plan = plan_video(io.BytesIO(data), max_seconds=max_seconds, max_bytes=max_bytes)
        return SECONDS_PER_FRAME * sum(len(chunk.times) for chunk in plan.chunks)

    return look
