"""What explains a video's verdict over time, as the JSON object that callers download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forensics.domain.scores import Region, Segment

KINDS = ("face", "frame", "audio")
_SCORE_DIGITS = 4
_TIME_DIGITS = 2

Span = tuple[float, float]


@dataclass(frozen=True)
class ScoredSpan:
    """A stretch of the video in seconds with its P(fake)."""

    start: float
    end: float
    score: float


@dataclass(frozen=True)
class Lane:
    """One model's P(fake) over time, and from which score on it speaks for a fake."""

    model: str
    threshold: float
    spans: tuple[ScoredSpan, ...]


@dataclass(frozen=True)
class MarkedFace:
    """A face at one moment: its box in pixels of the upright frame with its P(fake), and the number of its track."""

    time_s: float
    box: Region
    track: int


@dataclass(frozen=True)
class VideoTimeline:
    """One video's scores over time, all times in seconds from its start.

    `frames` are whole frames: each stands for the stretch around it. `sound` is None when nothing was heard; `cuts` are changes of
    scene, `uncovered` the spans that could not be analysed.
    """

    duration_s: float
    frames: Lane
    sound: Lane | None
    segments: tuple[Segment, ...]
    cuts: tuple[float, ...]
    uncovered: tuple[Span, ...]
    faces: tuple[MarkedFace, ...] = ()
    face_scores: Lane | None = None


def video_timeline_document(timeline: VideoTimeline) -> dict[str, Any]:
    """Return the JSON object; docs/api.md describes its members."""
    return {
        "duration_s": round(timeline.duration_s, _TIME_DIGITS),
        "explains": "synthetic",
        "frames": _lane(timeline.frames),
        "face_scores": _lane(timeline.face_scores) if timeline.face_scores else None,
        "sound": _lane(timeline.sound) if timeline.sound else None,
        "faces": [_face(f) for f in timeline.faces],
        "flagged_segments": [
            {"start": s.start, "end": s.end, "score": round(s.score, _SCORE_DIGITS), "kind": s.kind}
            for s in timeline.segments
        ],
        "cuts": [round(c, _TIME_DIGITS) for c in timeline.cuts],
        "uncovered": [_span(start, end) for start, end in timeline.uncovered],
    }


def spans_of(segments: Sequence[Segment], kind: str) -> tuple[Segment, ...]:
    return tuple(s for s in segments if s.kind == kind)


def _lane(lane: Lane) -> dict[str, Any]:
    scores = [_span(s.start, s.end) | {"score": round(s.score, _SCORE_DIGITS)} for s in lane.spans]
    return {"model": lane.model, "threshold": round(lane.threshold, _SCORE_DIGITS), "scores": scores}


def _face(face: MarkedFace) -> dict[str, Any]:
    box = face.box
    return {
        "time": round(face.time_s, _TIME_DIGITS),
        "track": face.track,
        "x": box.x,
        "y": box.y,
        "w": box.w,
        "h": box.h,
        "score": round(box.score, _SCORE_DIGITS),
    }


def _span(start: float, end: float) -> dict[str, float]:
    return {"start": round(start, _TIME_DIGITS), "end": round(end, _TIME_DIGITS)}
