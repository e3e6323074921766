"""Which family drew it: a multinomial fit on the same features, named only where it was right nine times in ten.

Folds are by repository, so a family is only ever recognised on somebody else's pictures; families of one repository
cannot be tested that way and are taught as "other".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from training.image.data import Item, repositories

OTHER = "other"
# Family -> the name that an answer carries. Stable Diffusion 1/2, SDXL and gpt-image were tried and never reached the
# precision on other people's pictures (0.1 to 0.4 at any threshold): the features tell styles apart, not generators.
NAMES = {"stylegan": "stylegan2-family"}
PRECISION = 0.9
FOLDS = 5
INVERSE_REGULARISATION = 0.002
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FamilyHead:
    """probabilities = softmax(features @ weights + bias) over `labels`; named from `threshold` on."""

    labels: tuple[str, ...]
    weights: Floats  # (width, labels)
    bias: Floats  # (labels,)
    threshold: float
    precision: float
    coverage: float  # share of fakes of the named families that are named at the threshold


def fit_families(features: NDArray[np.float32], items: Sequence[Item]) -> FamilyHead:
    """Fit on the fakes' features (items, width) and choose the threshold out of fold."""
    index = np.flatnonzero([i.label == 1 for i in items])
    fakes = [items[n] for n in index]
    repository = repositories()
    targets = np.array([NAMES.get(i.family, OTHER) for i in fakes])
    groups = np.array([repository[i.source] for i in fakes])
    x = features[index]
    labels = tuple(sorted({str(t) for t in targets}))
    probabilities = np.zeros((len(fakes), len(labels)))
    for train, test in GroupKFold(FOLDS).split(x, targets, groups):
        weights, bias = _fit(x[train], targets[train], groups[train], labels)
        probabilities[test] = _softmax(x[test] @ weights + bias)
    threshold, precision, coverage = _choose(probabilities, targets, labels)
    weights, bias = _fit(x, targets, groups, labels)
    return FamilyHead(labels, weights, bias, threshold, precision, coverage)


def _fit(
    x: NDArray[np.float32], targets: NDArray[np.str_], groups: NDArray[np.str_], labels: tuple[str, ...]
) -> tuple[Floats, Floats]:
    mean, std = x.mean(axis=0), x.std(axis=0) + 1e-6
    sizes = {(t, g): int(((targets == t) & (groups == g)).sum()) for t, g in set(zip(targets, groups, strict=True))}
    weight = np.array([sizes[t, g] ** -0.5 for t, g in zip(targets, groups, strict=True)])
    for label in labels:
        weight[targets == label] /= weight[targets == label].sum()
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=300)
    model.fit((x - mean) / std, targets, sample_weight=weight * len(x) / len(labels))
    if tuple(model.classes_) != labels:
        raise ValueError("a training fold lacks a whole family")
    coefficients, intercept = model.coef_, model.intercept_
    if len(labels) == 2:  # scikit-learn keeps one row for two labels: the second's logit against the first's
        coefficients, intercept = (
            np.vstack([-coefficients / 2, coefficients / 2]),
            np.array([-intercept[0] / 2, intercept[0] / 2]),
        )
    weights = (coefficients / std).T.astype(np.float64)
    return weights, np.asarray(intercept - mean @ weights, dtype=np.float64)


def _choose(probabilities: Floats, targets: NDArray[np.str_], labels: tuple[str, ...]) -> tuple[float, float, float]:
    """Return the lowest threshold from which on the named ones are right often enough, with its precision and coverage."""
    best, guess = probabilities.max(axis=1), np.array(labels)[probabilities.argmax(axis=1)]
    named = guess != OTHER
    order = np.argsort(-best[named])
    right = np.cumsum((guess == targets)[named][order]) / np.arange(1, named.sum() + 1)
    fine = np.flatnonzero((right >= PRECISION) & (np.arange(1, named.sum() + 1) >= 20))
    if not len(fine):
        return 1.01, float("nan"), 0.0  # no threshold keeps the promise: nothing is ever named
    last = int(fine[-1])
    coverage = float(right[last] * (last + 1) / np.sum(targets != OTHER))
    return float(best[named][order][last]), float(right[last]), coverage


def _softmax(logits: Floats) -> Floats:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
