"""From out-of-fold logits to probabilities and thresholds; every source counts alike (by the root of its size)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Platt:
    """calibrated logit = slope * logit + intercept (Platt 1999), fitted with both labels weighing one half."""

    slope: float
    intercept: float

    def logits(self, raw: Floats) -> Floats:
        return self.slope * raw + self.intercept


def fit_platt(raw: Floats, labels: NDArray[np.int64], weights: Floats) -> Platt:
    """Fit on raw logits (n,) with weights that already balance labels and sources."""
    model = LogisticRegression(C=1e6).fit(raw[:, None], labels, sample_weight=weights * len(raw))
    return Platt(float(model.coef_[0, 0]), float(model.intercept_[0]))


def threshold_at_fpr(scores: Floats, labels: NDArray[np.int64], weights: Floats, *, fpr: float) -> float:
    """Return the lowest score at which at most `fpr` of the (weighted) real pictures score that or higher."""
    return _upper_quantile(scores[labels == 0], weights[labels == 0], share=fpr)


def threshold_at_miss(scores: Floats, labels: NDArray[np.int64], weights: Floats, *, missed: float) -> float:
    """Return the highest score at which at most `missed` of the (weighted) fakes score that or lower."""
    return -_upper_quantile(-scores[labels == 1], weights[labels == 1], share=missed)


def rate_above(scores: Floats, weights: Floats, threshold: float) -> float:
    """Return the weighted share of scores at or above the threshold."""
    return float(weights[scores >= threshold].sum() / weights.sum())


def _upper_quantile(scores: Floats, weights: Floats, *, share: float) -> float:
    order = np.argsort(-scores)
    above = np.cumsum(weights[order]) / weights.sum()
    place = int(np.searchsorted(above, share, side="right"))
    inside, outside = scores[order[max(place - 1, 0)]], scores[order[min(place, len(order) - 1)]]
    return float((inside + outside) / 2)
