"""How well flagged spans meet the synthetic stretches: frames and spans, with intervals over redrawn sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics import REDRAWS, Interval

FRAME_S = 0.1
LEAST_IOU = 0.3
Span = tuple[float, float]
Counts = NDArray[np.float64]
Metric = Callable[[Counts], Counts]


@dataclass(frozen=True)
class Judged:
    """One recording's outcome: its true stretch (None in a control), the flagged spans and the verdict."""

    source: str
    kind: str
    seconds: float
    truth: Span | None
    flagged: tuple[Span, ...]
    verdict: str


def frame_counts(judged: Judged) -> tuple[float, float, float]:
    """Return true positives, false positives and misses in frames of FRAME_S."""
    truth = _frames([judged.truth] if judged.truth else [], judged.seconds)
    flagged = _frames(judged.flagged, judged.seconds)
    return float((truth & flagged).sum()), float((flagged & ~truth).sum()), float((truth & ~flagged).sum())


def span_counts(judged: Judged) -> tuple[float, float, float]:
    """Return true positives, false positives and misses in spans; a stretch is found by one span of at least LEAST_IOU."""
    truth = judged.truth
    found = truth is not None and any(iou(truth, span) >= LEAST_IOU for span in judged.flagged)
    return float(found), float(len(judged.flagged) - found), float(truth is not None and not found)


def iou(first: Span, second: Span) -> float:
    """Return the length of what both spans cover over that of what either covers."""
    both = max(min(first[1], second[1]) - max(first[0], second[0]), 0.0)
    return both / max(first[1] - first[0] + second[1] - second[0] - both, 1e-9)


def f1(counts: Counts) -> Counts:
    """Return the harmonic mean of precision and recall of (..., 3) hits, false alarms and misses; 0 without any hit."""
    hits = counts[..., 0]
    return np.asarray(2 * hits / np.maximum(2 * hits + counts[..., 1] + counts[..., 2], 1e-12))


def precision(counts: Counts) -> Counts:
    return np.asarray(counts[..., 0] / np.maximum(counts[..., 0] + counts[..., 1], 1e-12))


def recall(counts: Counts) -> Counts:
    return np.asarray(counts[..., 0] / np.maximum(counts[..., 0] + counts[..., 2], 1e-12))


def share(counts: Counts) -> Counts:
    """Return the first of (..., 2) numbers over the second."""
    return np.asarray(counts[..., 0] / np.maximum(counts[..., 1], 1e-12))


def interval(metric: Metric, counts: Sequence[Sequence[float]], sources: Sequence[str], *, seed: int = 0) -> Interval:
    """Return a metric of summed counts (recordings, k) with its 95 % interval over redrawn sources; nan without recordings."""
    if not len(counts):
        return Interval(float("nan"), float("nan"), float("nan"))
    names, place = np.unique(np.asarray(sources), return_inverse=True)
    sums = np.zeros((len(names), len(counts[0])))
    np.add.at(sums, place, np.asarray(counts, dtype=np.float64))
    drawn = np.random.default_rng(seed).integers(0, len(names), (REDRAWS, len(names)))
    low, high = np.percentile(metric(sums[drawn].sum(axis=1)), [2.5, 97.5])
    return Interval(float(metric(sums.sum(axis=0))), float(low), float(high))


def _frames(spans: Sequence[Span], seconds: float) -> NDArray[np.bool_]:
    """Frames whose middle lies in a span."""
    middles = (np.arange(max(round(seconds / FRAME_S), 1)) + 0.5) * FRAME_S
    inside = np.zeros(middles.size, dtype=bool)
    for start, end in spans:
        inside |= (middles >= start) & (middles < end)
    return inside
