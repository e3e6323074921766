"""Where a score lies between its own thresholds: what makes answers of several models comparable."""

from __future__ import annotations

import math

from forensics.domain.scores import Detection, OperatingMode

LARGEST_LOGIT = 13.8  # of a probability that was rounded to six digits


def place(detection: Detection, *, strict: bool) -> float:
    """Return where the score lies: -1 at authentic, 1 at synthetic, linear in logits; -inf without a score."""
    return -math.inf if detection.score is None else position(detection.score, mode_of(detection, strict=strict))


def position(score: float, mode: OperatingMode) -> float:
    low, high = logit(mode.thresholds.authentic), logit(mode.thresholds.synthetic)
    return (2 * logit(score) - low - high) / max(high - low, 1e-6)


def mode_of(detection: Detection, *, strict: bool) -> OperatingMode:
    return detection.strict if strict else detection.normal


def logit(score: float) -> float:
    """Return the logit of a probability, held within what a rounded one can tell."""
    if score <= 0.0 or score >= 1.0:
        return math.copysign(LARGEST_LOGIT, score - 0.5)
    return max(-LARGEST_LOGIT, min(LARGEST_LOGIT, math.log(score / (1 - score))))


def probability(value: float) -> float:
    """Return the probability of a logit."""
    return 1.0 / (1.0 + math.exp(-max(-LARGEST_LOGIT, min(LARGEST_LOGIT, value))))
