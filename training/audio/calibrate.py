"""From mean logits to probabilities and thresholds: fitted on the dev pages, read off on the test pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.audio.data import Clip
from training.image.calibrate import fit_platt, rate_above, threshold_at_fpr, threshold_at_miss

Floats = NDArray[np.float64]
NORMAL_FPR, STRICT_FPR, MISSED = 0.03, 0.10, 0.04


@dataclass(frozen=True)
class Pair:
    """A threshold pair and what it gave on the test pages."""

    synthetic: float
    authentic: float
    fpr: float
    recall: float


@dataclass(frozen=True)
class Calibration:
    """Platt's slope and intercept, and both threshold pairs."""

    slope: float
    intercept: float
    normal: Pair
    strict: Pair


def calibrate(dev: Sequence[Clip], dev_raw: Floats, test: Sequence[Clip], test_raw: Floats) -> Calibration:
    """Fit on dev clips and their mean logits, choose thresholds there, and measure both pairs on test clips."""
    labels, balance = _labels(dev), balanced(dev)
    platt = fit_platt(dev_raw, labels, balance)
    scores, held_out = _sigmoid(platt.logits(dev_raw)), _sigmoid(platt.logits(test_raw))
    pairs = []
    for fpr in (NORMAL_FPR, STRICT_FPR):
        synthetic = threshold_at_fpr(scores, labels, balance, fpr=fpr)
        authentic = min(threshold_at_miss(scores, labels, balance, missed=MISSED), synthetic)
        rates = [_rate(test, held_out, label, synthetic) for label in (0, 1)]
        pairs.append(Pair(synthetic, authentic, *rates))
    return Calibration(platt.slope, platt.intercept, pairs[0], pairs[1])


def balanced(clips: Sequence[Clip]) -> Floats:
    """Return weights that sum to one: labels alike, sources by the root of their size."""
    sizes = Counter(c.source for c in clips)
    raw = np.array([1 / np.sqrt(sizes[c.source]) for c in clips])
    labels = _labels(clips)
    for label in (0, 1):
        raw[labels == label] *= 0.5 / raw[labels == label].sum()
    return np.asarray(raw)


def _rate(clips: Sequence[Clip], scores: Floats, label: int, threshold: float) -> float:
    chosen = _labels(clips) == label
    return rate_above(scores[chosen], balanced(clips)[chosen], threshold)


def _labels(clips: Sequence[Clip]) -> NDArray[np.int64]:
    return np.array([c.label for c in clips], dtype=np.int64)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)))
