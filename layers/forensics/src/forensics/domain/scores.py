"""What detectors return: calibrated numbers, never words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Score at or above `synthetic` is fake, at or below `authentic` is bona fide, between is inconclusive."""

    synthetic: float
    authentic: float


@dataclass(frozen=True)
class OperatingPoint:
    """What the thresholds gave on held-out sources: rates 0..1."""

    fpr: float
    recall: float
    measured_on: str


@dataclass(frozen=True)
class OperatingMode:
    """One published pair of thresholds with its measured operating point (normal or strict)."""

    thresholds: Thresholds
    operating_point: OperatingPoint


@dataclass(frozen=True)
class ModelScore:
    """One model's calibrated P(fake); status is ok | skipped | failed."""

    name: str
    version: str
    score: float | None
    status: str
    latency_ms: int


@dataclass(frozen=True)
class Region:
    """A rectangle of the picture in pixels of the decoded image, with its P(fake)."""

    x: int
    y: int
    w: int
    h: int
    score: float


@dataclass(frozen=True)
class Segment:
    """A flagged span of a recording in seconds, to 0.1 s, with its P(fake); `kind` is audio | frame | face.

    `track` is the number of a video's face, None for what is no face.
    """

    start: float
    end: float
    score: float
    kind: str = "audio"
    track: int | None = None


@dataclass(frozen=True)
class ScoredWindow:
    """One window of a recording: calibrated P(fake), its place in seconds and how much of it is speech."""

    start_s: float
    end_s: float
    speech_s: float
    score: float


@dataclass(frozen=True)
class Signal:
    """A named measurement turned into a word by documented thresholds (docs/signals.md)."""

    name: str
    value: str
    score: float
    what: str


@dataclass(frozen=True)
class Detection:
    """A detector's whole answer for one file.

    `score` is the fused calibrated P(fake), None when nothing could be scored; `reasons` are the guards that make a verdict
    inconclusive (low_resolution, out_of_distribution, models_disagree ...); `generator` passed attribution's own threshold.
    """

    score: float | None
    normal: OperatingMode
    strict: OperatingMode
    models: tuple[ModelScore, ...]
    signals: tuple[Signal, ...] = ()
    regions: tuple[Region, ...] = ()
    reasons: tuple[str, ...] = ()
    generator: str | None = None
    manipulated: bool = False  # what speaks against the media says that it was altered, not made as a whole
    warnings: tuple[str, ...] = ()
    says: str | None = None  # which part of the media the score is of, when it has several
