"""Faces and their way through a video: what one look saw, what one worker followed, and what the join makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from forensics.domain.lip_sync import Trace
from forensics.domain.plain import Plain

Point = tuple[float, float]
LANDMARKS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")  # left in the picture
LIKENESS_CELLS = 64  # 8 x 8 of the aligned face
MOMENT_S = 2.5  # how long a face may be out of sight and still be known by its place
SAME_PLACE = 0.3  # overlap of a face's boxes before and after
STRANGERS = 0.4  # likenesses below this are two people, whatever their place
SAME_LIKENESS = 0.87  # from here on a face that was away is the same one


@dataclass(frozen=True)
class FaceBox(Plain):
    """A rectangle in pixels of the upright frame; parts of it may lie outside."""

    x: float
    y: float
    w: float
    h: float

    def overlap(self, other: FaceBox) -> float:
        """Return the area that both share over the area that either covers, 0..1."""
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        both = max(0.0, width) * max(0.0, height)
        return both / max(self.w * self.h + other.w * other.h - both, 1e-9)


@dataclass(frozen=True)
class Face(Plain):
    """One found face: its box, the detector's confidence 0..1, and its LANDMARKS (x, y) in pixels of the upright frame."""

    box: FaceBox
    score: float
    landmarks: tuple[Point, ...]

    @property
    def eye_distance(self) -> float:
        """The distance of the eyes in pixels: the unit that makes faces of all sizes comparable."""
        (ax, ay), (bx, by) = self.landmarks[:2]
        return math.hypot(ax - bx, ay - by)


@dataclass(frozen=True)
class FaceLook(Plain):
    """One look at a face: second, box, landmarks and the face model's logit, None without a model or for a face too small."""

    time_s: float
    box: FaceBox
    landmarks: tuple[Point, ...]
    logit: float | None = None


@dataclass(frozen=True)
class FaceMeasures(Plain):
    """What was measured of a face from frame to frame over `seconds`; None where it could not be; formulas: docs/signals.md."""

    seconds: float
    flicker: float | None = None
    landmark_jitter: float | None = None
    blinks: int | None = None
    identity_drift: float | None = None


@dataclass(frozen=True)
class FacePiece(Plain):
    """What one worker followed of a face: its looks by time, and its coarse likeness (LIKENESS_CELLS grey levels, 0..255).

    `lips` is what its mouth shares with a voice while it was looked at densely.
    """

    looks: tuple[FaceLook, ...]
    likeness: tuple[int, ...] = ()
    measures: FaceMeasures | None = None
    lips: Trace | None = None


@dataclass(frozen=True)
class FacesSeen(Plain):
    """What one worker tells of faces: in how many frames it searched, whom it saw, and the face model's name and version."""

    searched: int
    pieces: tuple[FacePiece, ...]
    model: tuple[str, str] | None = None
    latency_ms: int = 0


@dataclass(frozen=True)
class FaceTrack:
    """One face of the video: a number from 1 by its first moment, its looks, what was measured, and its pooled P(fake)."""

    number: int
    looks: tuple[FaceLook, ...]
    measures: tuple[FaceMeasures, ...] = ()
    score: float | None = None
    lips: tuple[Trace, ...] = ()

    @property
    def logits(self) -> tuple[float, ...]:
        """The face model's logits, where it looked."""
        return tuple(look.logit for look in self.looks if look.logit is not None)


def join_tracks(pieces: Sequence[FacePiece]) -> tuple[FaceTrack, ...]:
    """Return the faces of a video from the pieces of its workers, whatever their order.

    A piece goes on with the track that it resembles most: by its place when the track ended a moment before, else by its
    likeness. A face that is lost at a cut and comes back is the same track when it looks the same.
    """
    strands: list[list[FacePiece]] = []
    for piece in sorted((p for p in pieces if p.looks), key=_begin):
        nearest = max(strands, key=lambda strand: kinship(strand[-1], piece), default=None)
        if nearest is not None and kinship(nearest[-1], piece) > 0:
            nearest.append(piece)
        else:
            strands.append([piece])
    return tuple(_track(number, strand) for number, strand in enumerate(strands, start=1))


def kinship(before: FacePiece, after: FacePiece) -> float:
    """Return how surely both are one face, 0 for two people: 1 and more by its place a moment ago, else its likeness."""
    last, first = before.looks[-1], after.looks[0]
    gap_s, alike = first.time_s - last.time_s, likeness(before.likeness, after.likeness)
    if gap_s <= 0 or alike < STRANGERS:
        return 0.0
    overlap = last.box.overlap(first.box)
    if gap_s <= MOMENT_S and overlap >= SAME_PLACE:
        return 1.0 + overlap
    return alike if alike >= SAME_LIKENESS else 0.0


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the correlation of two coarse likenesses, -1..1; 0 when one is empty or flat."""
    if len(one) != len(other) or not one:
        return 0.0
    mean_a, mean_b = sum(one) / len(one), sum(other) / len(other)
    a, b = [v - mean_a for v in one], [v - mean_b for v in other]
    norm = math.sqrt(sum(v * v for v in a) * sum(v * v for v in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm > 0 else 0.0


def pooled_faces(logits: Sequence[float], upper_share: float) -> float:
    """Return the mean of the highest share of the logits, at least one of them."""
    kept = sorted(logits, reverse=True)[: max(1, math.ceil(len(logits) * upper_share))]
    return sum(kept) / len(kept)


def _begin(piece: FacePiece) -> tuple[float, float, float]:
    first = piece.looks[0]
    return (first.time_s, first.box.x, first.box.y)


def _track(number: int, strand: Sequence[FacePiece]) -> FaceTrack:
    looks = tuple(look for piece in strand for look in piece.looks)
    measures = tuple(p.measures for p in strand if p.measures is not None)
    return FaceTrack(number, looks, measures, lips=tuple(p.lips for p in strand if p.lips is not None))
