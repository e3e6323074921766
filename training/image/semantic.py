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


@dataclass(frozen=True)
class HeadRecipe:
    """How a head is fitted: feature groups, the weight of each view, and families that only serve to be measured."""

    groups: tuple[Group, ...]
    view_weights: tuple[float, ...]
    left_out_families: tuple[str, ...] = ()


def fit_head(features: NDArray[np.float32], items: Sequence[Item], recipe: HeadRecipe) -> LinearHead:
    """Fit on features (items, views, width); each group's logit is scaled to unit deviation before they are summed."""
    kept = [n for n, item in enumerate(items) if item.family not in recipe.left_out_families]
    features, items = features[kept], [items[n] for n in kept]
    count, views, width = features.shape
    labels = np.repeat([item.label for item in items], views)
    shares = np.array(recipe.view_weights[:views]) / sum(recipe.view_weights[:views])
    importance = np.outer(balanced_weights(items) * count, shares * views).ravel() / views
    flat = features.reshape(-1, width)
    weights, bias = np.zeros(width), 0.0
    for group in recipe.groups:
        part = slice(group.start, group.stop)
        w, b = _fit_group(flat[:, part], labels, importance, c=group.c)
        spread = float(np.sqrt(np.average((flat[:, part] @ w + b) ** 2, weights=importance)))
        weights[part] = w / spread
        bias += b / spread
    return LinearHead(weights, bias)


def out_of_fold(
    features: NDArray[np.float32], items: Sequence[Item], recipe: HeadRecipe, fold_of: dict[str, int]
) -> tuple[Floats, list[LinearHead]]:
    """Return logits (items, views), each from the head of a fold that held the item out, and those heads."""
    logits = np.zeros(features.shape[:2])
    heads = []
    for fold in sorted(set(fold_of.values())):
        train, held = split(items, fold_of, fold=fold)
        head = fit_head(features[train], [items[n] for n in train], recipe)
        logits[held] = head.logits(features[held])
        heads.append(head)
        print(f"fold {fold}: {len(train)} train, {len(held)} held out", flush=True)
    return logits, heads


def _fit_group(
    flat: NDArray[np.float32], labels: NDArray[np.int64], importance: Floats, *, c: float
) -> tuple[Floats, float]:
    mean, std = flat.mean(axis=0), flat.std(axis=0) + 1e-6
    model = LogisticRegression(C=c, max_iter=400)
    model.fit((flat - mean) / std, labels, sample_weight=importance)
    weights = model.coef_[0].astype(np.float64) / std
    return weights, float(model.intercept_[0] - weights @ mean)
