"""One worker's share of a video: some frames looked at as pictures, more of them for their faces, all decoded in one go."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import BinaryIO

from forensics.domain.cuts import FrameLook
from forensics.domain.errors import MediaCorrupt
from forensics.domain.scores import Detection
from forensics.domain.video import Chunk, ChunkResult, FrameScore
from forensics.media.look_times import look_times
from forensics.media.scene import colours_of
from forensics.media.video_frames import Shown, show_frames
from forensics.usecases.ports import ImageDetector
from forensics.usecases.watch_faces import FaceWatch

_TIME_DIGITS = 3


@dataclass
class _Pictures:
    """Looks at whole frames; `answered` counts the times that a frame with a score stands for."""

    detector: ImageDetector
    frames: list[FrameScore] = field(default_factory=list)
    looks: list[FrameLook] = field(default_factory=list)
    answered: int = 0
    _seen: tuple[float, Detection] | None = None

    def see(self, shown: Shown) -> None:
        if self._seen is None or self._seen[0] != shown.time_s:  # a slow film's frame stands for several times
            detection = self.detector.detect(shown.rgb)
            self._seen = shown.time_s, detection
            time_s = round(shown.time_s, _TIME_DIGITS)
            self.looks.append(FrameLook(time_s, _rounded(shown.keyframe_s), colours_of(shown.rgb)))
            if detection.score is not None:
                self.frames.append(FrameScore(time_s, detection.score, detection.reasons))
        self.answered += self._seen[1].score is not None


def score_chunk(source: BinaryIO, chunk: Chunk, detector: ImageDetector, faces: FaceWatch | None = None) -> ChunkResult:
    """Look at one chunk's frames; what cannot be decoded lowers `covered_s` and is told by `error`, a problem code.

    Only media that is damaged is told so; every other failure is raised, so that the caller tries again. `faces` is a watch that
    has seen nothing yet; without one no faces are searched for.
    """
    started = time.perf_counter()
    pictures, whole = _Pictures(detector), set(chunk.times)
    error: str | None = None
    try:
        for shown in show_frames(source, look_times(chunk, faces.in_sight) if faces else chunk.times):
            if shown.wanted_s in whole:
                pictures.see(shown)
            if faces is not None:
                faces.see(shown.time_s, shown.rgb)
    except MediaCorrupt as damaged:
        error = damaged.code
    share = min(1.0, pictures.answered / max(1, len(chunk.times)))
    seen = faces.told() if faces else None
    return ChunkResult(
        index=chunk.index,
        frames=tuple(pictures.frames),
        covered_s=share * (chunk.end_s - chunk.start_s),
        error=error or (MediaCorrupt.code if share < 1.0 else None),
        latency_ms=round((time.perf_counter() - started) * 1000) - (seen.latency_ms if seen else 0),
        looks=tuple(pictures.looks),
        faces=seen,
    )


def _rounded(time_s: float | None) -> float | None:
    return None if time_s is None else round(time_s, _TIME_DIGITS)
