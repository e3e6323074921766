"""One worker's faces: found in some frames, followed through the others, cut out for the face model, measured over time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forensics.domain.lip_sync import Trace
from forensics.domain.tracks import (
    MOMENT_S,
    SAME_PLACE,
    STRANGERS,
    Face,
    FaceBox,
    FaceLook,
    FacePiece,
    FacesSeen,
    likeness,
)
from forensics.media.face_crop import aligned
from forensics.media.face_measures import likeness_of, measure_face
from forensics.media.face_motion import LONGEST_STEP_S, Moment, measure_motion
from forensics.media.mouth import mouth_of

FIND_EVERY_S = 1.0  # between two searches of the whole frame; in between known faces are followed
LOOK_EVERY_S = 0.5  # between two crops of one face for the face model
FOLLOW_WITHIN_S = 0.3  # a face that was seen longer ago is searched for
MOST_FOLLOWED = 2
MOST_FACES = 24  # of one worker: a crowd's extras are let go
LEAST_EYE_DISTANCE_PX = 16.0  # below it the face model would look at interpolated pixels
LEAST_MEASURED_PX = 24.0  # and below this landmarks and grey levels would be the interpolation's
NEAR = 0.5  # of a face's width: how far its middle may move between two searches
_EARLY_S = 0.02  # frames come a little early or late
_TIME_DIGITS, _PIXEL_DIGITS, _LOGIT_DIGITS = 3, 1, 3


class FaceFinder(Protocol):
    """Finds faces in pixels, uint8 (height, width, 3), and follows one of them."""

    def detect(self, rgb: NDArray[np.uint8]) -> tuple[Face, ...]: ...

    def follow(self, rgb: NDArray[np.uint8], face: Face) -> Face | None: ...


class FaceScorer(Protocol):
    """The face model: calibrated logits (n,) of aligned crops, uint8 (n, 224, 224, 3)."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def score(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]: ...


class LipReader(Protocol):
    """Brings a mouth over time, (n, 384) at seconds (n,), to what it shares with a voice."""

    def lips_trace(self, times_s: NDArray[np.floating], mouths: NDArray[np.floating]) -> Trace | None: ...


@dataclass
class _Followed:
    """A face from the first moment it was seen."""

    face: Face
    time_s: float
    looks: list[tuple[float, Face]] = field(default_factory=list)
    crops: dict[int, NDArray[np.uint8]] = field(default_factory=dict)  # by number of the look
    moments: list[Moment] = field(default_factory=list)
    mouths: list[NDArray[np.float32]] = field(default_factory=list)  # of each moment but the last, when lips are read
    unread: NDArray[np.uint8] | None = None  # the last moment's frame

    @property
    def likeness(self) -> tuple[int, ...]:
        return self.moments[-1].seen.likeness

    @property
    def eye_distance(self) -> float:
        return sum(face.eye_distance for _, face in self.looks) / len(self.looks)

    def add(self, time_s: float, face: Face, crop: NDArray[np.uint8]) -> None:
        self.face, self.time_s = face, time_s
        self.moments.append(Moment(time_s, face.landmarks, measure_face(crop)))
        if not self.looks or time_s - self.looks[-1][0] >= LOOK_EVERY_S - _EARLY_S:
            if face.eye_distance >= LEAST_EYE_DISTANCE_PX:
                self.crops[len(self.looks)] = crop
            self.looks.append((time_s, face))

    def read_lips(self, frame: NDArray[np.uint8] | None) -> None:
        """Cut out the mouth of the moment before this one, whose `frame` is kept; None after the last."""
        if self.unread is not None:
            at = len(self.mouths)
            here = self.moments[at]
            around = [m for m in self.moments[max(0, at - 1) : at + 2] if abs(m.time_s - here.time_s) <= LONGEST_STEP_S]
            steady = np.mean([m.landmarks for m in (here, *around)], axis=0)  # landmarks tremble, and lips with them
            try:
                self.mouths.append(mouth_of(self.unread, steady))
            except ValueError:  # two faces that are no faces: their mean lies on one point
                self.mouths.append(mouth_of(self.unread, np.array(here.landmarks)))
        self.unread = frame


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
    _faces: list[_Followed] = field(default_factory=list)
    _found_s: float | None = None

    def see(self, time_s: float, rgb: NDArray[np.uint8]) -> None:
        """Look at one upright frame; one that was shown before is passed over."""
        started = time.perf_counter()
        due_s = FIND_EVERY_S if self.in_sight(time_s) else LOOK_EVERY_S
        if self._found_s is None or time_s - self._found_s >= due_s - _EARLY_S:
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
        pieces = tuple(self._piece(f) for f in self._faces)
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
                known = _Followed(face, time_s)
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
        self, known: _Followed, time_s: float, face: Face, crop: NDArray[np.uint8], rgb: NDArray[np.uint8]
    ) -> None:
        known.add(time_s, face, crop)
        if self.reader is not None:
            known.read_lips(rgb)

    def _recent(self, time_s: float) -> list[_Followed]:
        return [f for f in self._faces if time_s - f.time_s <= FOLLOW_WITHIN_S]

    def _piece(self, known: _Followed) -> FacePiece:
        logits: dict[int, float] = {}
        if self.scorer is not None and known.crops:
            scores = self.scorer.score(np.stack(list(known.crops.values())))
            logits = {n: round(float(s), _LOGIT_DIGITS) for n, s in zip(known.crops, scores, strict=True)}
        looks = tuple(_look(time_s, face, logits.get(n)) for n, (time_s, face) in enumerate(known.looks))
        measures = measure_motion(known.moments) if known.eye_distance >= LEAST_MEASURED_PX else None
        return FacePiece(looks, known.likeness, measures, self._lips(known))

    def _lips(self, known: _Followed) -> Trace | None:
        if self.reader is None or known.eye_distance < LEAST_MEASURED_PX:
            return None
        known.read_lips(None)
        return self.reader.lips_trace(np.array([m.time_s for m in known.moments]), np.stack(known.mouths))


def _best(known: Sequence[_Followed], face: Face, seen: tuple[int, ...]) -> _Followed | None:
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


def _look(time_s: float, face: Face, logit: float | None) -> FaceLook:
    x, y, w, h = (round(v, _PIXEL_DIGITS) for v in (face.box.x, face.box.y, face.box.w, face.box.h))
    points = tuple((round(px, _PIXEL_DIGITS), round(py, _PIXEL_DIGITS)) for px, py in face.landmarks)
    return FaceLook(round(time_s, _TIME_DIGITS), FaceBox(x, y, w, h), points, logit)
