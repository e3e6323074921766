"""Faces and their way through a video: what one look saw, what one worker followed, and what the join makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from forensics.domain.plain import Plain

Point = tuple[float, float]
LANDMARKS = (
    "left eye",
    "right eye",
    "nose",
    "left corner of the mouth",
    "right corner of the mouth",
)  # left in the picture


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
