"""Detection metrics with cluster bootstrap: whole sources are redrawn, because files of one source are alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Metric = Callable[[Floats, Labels], float]
REDRAWS = 300
ECE_BINS = 10


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % bootstrap interval; nan when it cannot be computed."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return "-" if np.isnan(self.value) else f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


def auc(scores: Floats, labels: Labels) -> float:
    """Return the area under the ROC curve, nan when one label is absent."""
    fakes, reals = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    if not (fakes.size and reals.size):
        return float("nan")
    below = np.searchsorted(reals, fakes, side="left") + np.searchsorted(reals, fakes, side="right")
    return float(below.mean() / 2 / reals.size)  # ties count one half


def eer(scores: Floats, labels: Labels) -> float:
    """Return the equal error rate: where false alarms and misses meet."""
    cuts = np.unique(scores)
    false_alarm = 1 - np.searchsorted(np.sort(scores[labels == 0]), cuts, side="left") / max((labels == 0).sum(), 1)
    miss = np.searchsorted(np.sort(scores[labels == 1]), cuts, side="left") / max((labels == 1).sum(), 1)
    place = int(np.argmin(np.abs(false_alarm - miss)))
    return float((false_alarm[place] + miss[place]) / 2)


def recall_at(fpr: float) -> Metric:
    """Return the metric "share of fakes above the threshold that `fpr` of the real files exceed"."""

    def recall(scores: Floats, labels: Labels) -> float:
        return float(np.mean(scores[labels == 1] > np.quantile(scores[labels == 0], 1 - fpr)))

    return recall


def balanced_accuracy_at(threshold: float) -> Metric:
    """Return the metric "mean of the two labels' accuracies at this threshold"."""

    def accuracy(scores: Floats, labels: Labels) -> float:
        return float((np.mean(scores[labels == 1] >= threshold) + np.mean(scores[labels == 0] < threshold)) / 2)

    return accuracy


def ece(scores: Floats, labels: Labels) -> float:
    """Return the expected calibration error over ten equal bins, both labels weighing one half."""
    weights = np.where(labels == 1, 0.5 / max(labels.sum(), 1), 0.5 / max((1 - labels).sum(), 1))
    bins = np.minimum((scores * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [abs(float((weights[m] * (labels[m] - scores[m])).sum())) for b in range(ECE_BINS) if (m := bins == b).any()]
    return float(sum(gaps))


def bootstrap(metric: Metric, scores: Floats, labels: Labels, sources: NDArray[np.str_], *, seed: int = 0) -> Interval:
    """Return the metric with the 2.5 and 97.5 percentiles over redrawn sources, real and fake ones apart.

    A label of one source has its items redrawn instead: the interval then says nothing of other sources.
    """
    if min(labels.sum(), (1 - labels).sum()) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    members = {
        label: [np.flatnonzero((sources == s) & (labels == label)) for s in np.unique(sources[labels == label])]
        for label in (0, 1)
    }
    members = {label: list(group[0][:, None]) if len(group) == 1 else group for label, group in members.items()}
    values = []
    for _ in range(REDRAWS):
        drawn = [
            np.concatenate([group[i] for i in rng.integers(0, len(group), len(group))]) for group in members.values()
        ]
        index = np.concatenate(drawn)
        values.append(metric(scores[index], labels[index]))
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(metric(scores, labels), float(low), float(high))


def share(held: NDArray[np.bool_], sources: NDArray[np.str_], *, seed: int = 0) -> Interval:
    """Return the share of files (n,) that hold, with the 2.5 and 97.5 percentiles over redrawn sources; nan without files."""
    if not held.size:
        return Interval(float("nan"), float("nan"), float("nan"))
    groups = [held[sources == source] for source in np.unique(sources)]
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, len(groups), len(groups)) for _ in range(REDRAWS))
    values = [float(np.concatenate([groups[n] for n in index]).mean()) for index in drawn]
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(float(held.mean()), float(low), float(high))


def flips(before: NDArray[np.float64], after: NDArray[np.float64], *, synthetic: float, authentic: float) -> float:
    """Return the share of files decided before (n,) and after (n,) that changed sides; those left open either time do not count."""
    sides = [np.where(s >= synthetic, 1, np.where(s <= authentic, -1, 0)) for s in (before, after)]
    decided = (sides[0] != 0) & (sides[1] != 0)
    return float((sides[0] != sides[1])[decided].mean()) if decided.any() else 0.0
