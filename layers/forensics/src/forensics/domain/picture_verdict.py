"""From a whole picture and the faces in it to one answer: each by its own thresholds, the more suspicious one decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

from forensics.domain.face_verdict import region_of
from forensics.domain.places import place, probability
from forensics.domain.scores import Detection, ModelScore, OperatingMode, Signal
from forensics.domain.tracks import FaceBox

FACE_DECIDES = "a face decides: it looks pasted, swapped or redrawn"


@dataclass(frozen=True)
class ScoredFace:
    """A face of a picture with the face model's calibrated logit; None for one too small to be judged."""

    box: FaceBox
    logit: float | None


@dataclass(frozen=True)
class FacesLookedAt:
    """What was found of faces: who looked (`name`, `version`), how long it took, and the model's modes for stills.

    Their `authentic` is where doubt begins, not where trust does. `signals` describe the largest face and decide nothing.
    """

    name: str
    version: str
    faces: tuple[ScoredFace, ...]
    normal: OperatingMode
    strict: OperatingMode
    latency_ms: int = 0
    signals: tuple[Signal, ...] = ()

    @property
    def score(self) -> float | None:
        """P(fake) of the most suspicious face."""
        return max((probability(face.logit) for face in self.faces if face.logit is not None), default=None)


def with_faces(whole: Detection, seen: FacesLookedAt, *, strict: bool) -> Detection:
    """Return the answer for the picture with all models; it says so when a face decides.

    A face speaks only against a picture: one that is below doubt leaves the whole picture's answer as it is, since few real
    faces are beyond all doubt. Guards of the whole picture hold unless the face is above its synthetic threshold.
    """
    faces = _detection(seen)
    models, signals = whole.models + faces.models, whole.signals + seen.signals
    above, own = place(faces, strict=strict), place(whole, strict=strict)
    if above <= max(own, -1.0) or (whole.reasons and above < 1.0):
        return replace(whole, models=models, signals=signals)
    regions = tuple(region_of(face.box, probability(face.logit)) for face in seen.faces if face.logit is not None)
    return replace(
        faces,
        models=models,
        signals=signals,
        regions=regions,
        manipulated=own < 1.0 or whole.manipulated,
        generator=whole.generator,
        says=FACE_DECIDES,
    )


def _detection(seen: FacesLookedAt) -> Detection:
    status = "skipped" if seen.score is None else "ok"
    model = ModelScore(f"{seen.name}-crops", seen.version, seen.score, status, seen.latency_ms)
    return Detection(score=seen.score, normal=seen.normal, strict=seen.strict, models=(model,))
