"""A face as one worker follows it: what is kept of each moment, and what is told of it in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forensics.domain.lip_sync import Trace
from forensics.domain.tracks import Face, FaceBox, FaceLook, FacePiece
from forensics.media.face_measures import measure_face
from forensics.media.face_motion import LONGEST_STEP_S, Moment, measure_motion
from forensics.media.mouth import mouth_of

LOOK_EVERY_S = 0.5  # between two crops of one face for the face model
LEAST_EYE_DISTANCE_PX = 16.0  # below it the face model would look at interpolated pixels
LEAST_MEASURED_PX = 24.0  # and below this landmarks and grey levels would be the interpolation's
EARLY_S = 0.02  # frames come a little early or late
_TIME_DIGITS, _PIXEL_DIGITS, _LOGIT_DIGITS = 3, 1, 3


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
class FollowedFace:
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
        if not self.looks or time_s - self.looks[-1][0] >= LOOK_EVERY_S - EARLY_S:
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

    def told(self, scorer: FaceScorer | None, reader: LipReader | None) -> FacePiece:
        """Score what was cut out, read what was seen of the mouth, and return what is known of the face."""
        logits: dict[int, float] = {}
        if scorer is not None and self.crops:
            scores = scorer.score(np.stack(list(self.crops.values())))
            logits = {n: round(float(s), _LOGIT_DIGITS) for n, s in zip(self.crops, scores, strict=True)}
        looks = tuple(_look(time_s, face, logits.get(n)) for n, (time_s, face) in enumerate(self.looks))
        measures = measure_motion(self.moments) if self.eye_distance >= LEAST_MEASURED_PX else None
        return FacePiece(looks, self.likeness, measures, self._lips(reader))

    def _lips(self, reader: LipReader | None) -> Trace | None:
        if reader is None or self.eye_distance < LEAST_MEASURED_PX:
            return None
        self.read_lips(None)
        return reader.lips_trace(np.array([m.time_s for m in self.moments]), np.stack(self.mouths))


def _look(time_s: float, face: Face, logit: float | None) -> FaceLook:
    x, y, w, h = (round(v, _PIXEL_DIGITS) for v in (face.box.x, face.box.y, face.box.w, face.box.h))
    points = tuple((round(px, _PIXEL_DIGITS), round(py, _PIXEL_DIGITS)) for px, py in face.landmarks)
    return FaceLook(round(time_s, _TIME_DIGITS), FaceBox(x, y, w, h), points, logit)
