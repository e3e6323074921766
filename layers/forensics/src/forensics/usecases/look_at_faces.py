"""The faces of one picture: found, turned upright, and judged one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forensics.domain.picture_verdict import FacesLookedAt, ScoredFace
from forensics.domain.scores import OperatingMode, Signal
from forensics.domain.signal_ranges import SignalRange, worded
from forensics.domain.tracks import Face
from forensics.media.face_crop import aligned
from forensics.media.face_measures import skin_texture
from forensics.usecases.followed_face import LEAST_EYE_DISTANCE_PX, FaceScorer

Rgb = NDArray[np.uint8]

LEAST_MEASURED_EYES_PX = 40.0  # between the eyes: below it there is no skin to measure, only what enlarging makes of it
MEASURES: Mapping[str, Callable[[Rgb], float]] = {"skin_texture": skin_texture}
OF = "largest faces of real photographs"


class FindsFaces(Protocol):
    def detect(self, rgb: Rgb) -> tuple[Face, ...]:
        """Return the largest faces of a picture, uint8 (height, width, 3), largest first."""
        ...


class JudgesFaces(FaceScorer, Protocol):
    """The face model with the thresholds that were set for it."""

    @property
    def normal(self) -> OperatingMode: ...

    @property
    def strict(self) -> OperatingMode: ...


@dataclass(frozen=True)
class LookAtFaces:
    """Looks at every face of a decoded picture that is large enough for the model; signals of the largest need a range."""

    finder: FindsFaces
    scorer: JudgesFaces
    ranges: Mapping[str, SignalRange] = field(default_factory=dict)

    def __call__(self, rgb: Rgb) -> FacesLookedAt:
        started = time.perf_counter()
        found = list(_cut_out(rgb, self.finder.detect(rgb)))
        crops = [crop for _, crop in found if crop is not None]
        logits = iter(self.scorer.score(np.stack(crops)) if crops else ())
        faces = tuple(ScoredFace(face.box, None if crop is None else float(next(logits))) for face, crop in found)
        return FacesLookedAt(
            name=self.scorer.name,
            version=self.scorer.version,
            faces=faces,
            normal=self.scorer.normal,
            strict=self.scorer.strict,
            latency_ms=round((time.perf_counter() - started) * 1000),
            signals=self._signals(found[0]) if found else (),
        )

    def _signals(self, largest: tuple[Face, Rgb | None]) -> tuple[Signal, ...]:
        face, crop = largest
        if crop is None or face.eye_distance < LEAST_MEASURED_EYES_PX:
            return ()
        known = {name: own for name, own in self.ranges.items() if name in MEASURES}
        return tuple(worded(name, MEASURES[name](crop), own, of=OF) for name, own in known.items())


def _cut_out(rgb: Rgb, faces: tuple[Face, ...]) -> Iterator[tuple[Face, Rgb | None]]:
    for face in faces:
        large = face.eye_distance >= LEAST_EYE_DISTANCE_PX
        yield face, aligned(rgb, np.array(face.landmarks)) if large else None
