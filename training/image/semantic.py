"""The whole-view head: logistic regressions on frozen features, folded into one linear map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.image.data import Item, balanced_weights, split

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """A slice of the feature vector with its own inverse regularisation `c`."""

    name: str
    start: int
    stop: int
    c: float


@dataclass(frozen=True)
class LinearHead:
    """logit = weights . features + bias."""

    weights: Floats
    bias: float

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Score features (..., width)."""
        return np.asarray(features @ self.weights + self.bias, dtype=np.float64)


def fit_head(features: NDArray[np.float32], items: Sequence[Item], groups: Sequence[Group]) -> LinearHead:
    """Fit on features (items, views, width); each group's logit is scaled to unit deviation before they are summed."""
    count, views, width = features.shape
    labels = np.repeat([item.label for item in items], views)
    importance = np.repeat(balanced_weights(items), views) * count / views
    flat = features.reshape(-1, width)
    weights, bias = np.zeros(width), 0.0
    for group in groups:
        part = slice(group.start, group.stop)
        w, b = _fit_group(flat[:, part], labels, importance, c=group.c)
        spread = float(np.sqrt(np.average((flat[:, part] @ w + b) ** 2, weights=importance)))
        weights[part] = w / spread
        bias += b / spread
    return LinearHead(weights, bias)


def out_of_fold(
    features: NDArray[np.float32], items: Sequence[Item], groups: Sequence[Group], fold_of: dict[str, int]
) -> Floats:
    """Return logits (items, views), each from a head that saw neither the item's source nor its generator family."""
    logits = np.zeros(features.shape[:2])
    for fold in sorted(set(fold_of.values())):
        train, held = split(items, fold_of, fold=fold)
        head = fit_head(features[train], [items[n] for n in train], groups)
        logits[held] = head.logits(features[held])
        print(f"fold {fold}: {len(train)} train, {len(held)} held out", flush=True)
    return logits


def _fit_group(
    flat: NDArray[np.float32], labels: NDArray[np.int64], importance: Floats, *, c: float
) -> tuple[Floats, float]:
    mean, std = flat.mean(axis=0), flat.std(axis=0) + 1e-6
    model = LogisticRegression(C=c, max_iter=400)
    model.fit((flat - mean) / std, labels, sample_weight=importance)
    weights = model.coef_[0].astype(np.float64) / std
    return weights, float(model.intercept_[0] - weights @ mean)
