"""One worker's faces: found in some frames, followed through the others, cut out for the face model, measured over time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forensics.domain.tracks import (
    MOMENT_S,
    SAME_PLACE,
    STRANGERS,
    Face,
    FaceBox,
    FacesSeen,
    likeness,
)
from forensics.media.face_crop import aligned
from forensics.media.face_measures import likeness_of
from forensics.usecases.followed_face import EARLY_S, LOOK_EVERY_S, FaceScorer, FollowedFace, LipReader

FIND_EVERY_S = 1.0  # between two searches of the whole frame; in between known faces are followed
FOLLOW_WITHIN_S = 0.3  # a face that was seen longer ago is searched for
MOST_FOLLOWED = 2
MOST_FACES = 24  # of one worker: a crowd's extras are let go
NEAR = 0.5  # of a face's width: how far its middle may move between two searches


class FaceFinder(Protocol):
    """Finds faces in pixels, uint8 (height, width, 3), and follows one of them."""

    def detect(self, rgb: NDArray[np.uint8]) -> tuple[Face, ...]: ...

    def follow(self, rgb: NDArray[np.uint8], face: Face) -> Face | None: ...


@dataclass
class FaceWatch:
    """Is shown frames in the order of their times and tells in the end whom it saw; one watch for one chunk.

    `scorer` is None when there is no face model: then looks have no logits. `reader` is None when lips are not read.
    """

    finder: FaceFinder
    scorer: FaceScorer | None = None
    reader: LipReader | None = None
    searched: int = 0  # frames in which faces were searched for
    busy_s: float = 0.0
    _faces: list[FollowedFace] = field(default_factory=list)
    _found_s: float | None = None

    def see(self, time_s: float, rgb: NDArray[np.uint8]) -> None:
        """Look at one upright frame; one that was shown before is passed over."""
        started = time.perf_counter()
        due_s = FIND_EVERY_S if self.in_sight(time_s) else LOOK_EVERY_S
        if self._found_s is None or time_s - self._found_s >= due_s - EARLY_S:
            self._found_s = time_s
            self.searched += 1
            self._take(time_s, rgb, self.finder.detect(rgb))
        elif time_s > self._found_s:
            self._follow(time_s, rgb)
        self.busy_s += time.perf_counter() - started

    def in_sight(self, time_s: float) -> bool:
        """Tell whether a face was seen so shortly before that it can be followed."""
        return bool(self._recent(time_s))

    def told(self) -> FacesSeen:
        """Score what was cut out and return every face that was seen."""
        started = time.perf_counter()
        pieces = tuple(f.told(self.scorer, self.reader) for f in self._faces)
        model = (self.scorer.name, self.scorer.version) if self.scorer else None
        latency_ms = round((self.busy_s + time.perf_counter() - started) * 1000)
        return FacesSeen(self.searched, pieces, model, latency_ms)

    def _take(self, time_s: float, rgb: NDArray[np.uint8], found: Sequence[Face]) -> None:
        free = [f for f in self._faces if time_s - f.time_s <= MOMENT_S]
        for face in found:
            crop = _crop(rgb, face)
            if crop is None:
                continue
            known = _best(free, face, likeness_of(crop))
            if known is None:
                if len(self._faces) == MOST_FACES:
                    continue
                known = FollowedFace(face, time_s)
                self._faces.append(known)
            else:
                free.remove(known)
            self._add(known, time_s, face, crop, rgb)

    def _follow(self, time_s: float, rgb: NDArray[np.uint8]) -> None:
        for known in sorted(self._recent(time_s), key=lambda f: f.face.eye_distance, reverse=True)[:MOST_FOLLOWED]:
            face = self.finder.follow(rgb, known.face)
            crop = None if face is None or face.box.overlap(known.face.box) < SAME_PLACE else _crop(rgb, face)
            if face is not None and crop is not None:
                self._add(known, time_s, face, crop, rgb)

    def _add(
        self, known: FollowedFace, time_s: float, face: Face, crop: NDArray[np.uint8], rgb: NDArray[np.uint8]
    ) -> None:
        known.add(time_s, face, crop)
        if self.reader is not None:
            known.read_lips(rgb)

    def _recent(self, time_s: float) -> list[FollowedFace]:
        return [f for f in self._faces if time_s - f.time_s <= FOLLOW_WITHIN_S]


def _best(known: Sequence[FollowedFace], face: Face, seen: tuple[int, ...]) -> FollowedFace | None:
    """Return which of the faces this one is: near the place where it was, and not unlike."""
    near = [f for f in known if f.face.box.overlap(face.box) >= SAME_PLACE or _moved_by(f.face.box, face.box) <= NEAR]
    alike = [f for f in near if likeness(f.likeness, seen) >= STRANGERS]
    return max(alike, key=lambda f: f.face.box.overlap(face.box), default=None)


def _moved_by(before: FaceBox, after: FaceBox) -> float:
    """Return how far the middle moved, in widths of the larger box."""
    across = before.x + before.w / 2 - after.x - after.w / 2
    down = before.y + before.h / 2 - after.y - after.h / 2
    return math.hypot(across, down) / max(before.w, after.w)


def _crop(rgb: NDArray[np.uint8], face: Face) -> NDArray[np.uint8] | None:
    try:
        return aligned(rgb, np.array(face.landmarks))
    except ValueError:
        return None  # its landmarks lie on one point: no face
