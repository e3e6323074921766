"""Join the out-of-fold logits of the runs into one calibrated score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.image.calibrate import Platt, fit_platt
from training.image.data import Item, balanced_weights, read_csv

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fusion:
    """fused logit = bias + sum over models of weight * calibrated logit."""

    platts: tuple[Platt, ...]
    weights: tuple[float, ...]
    bias: float

    def logits(self, raw: Floats) -> Floats:
        """Fuse raw logits (..., models)."""
        calibrated = [w * p.logits(raw[..., n]) for n, (p, w) in enumerate(zip(self.platts, self.weights, strict=True))]
        return np.asarray(sum(calibrated) + self.bias)


@dataclass(frozen=True)
class OutOfFold:
    """Raw logits (items, columns, models); a column is <protocol>_view<n>, view 0 the neutral re-encoding."""

    raw: Floats
    columns: tuple[str, ...]

    @property
    def clean(self) -> tuple[int, ...]:
        """The columns of the neutral view, one per protocol."""
        return tuple(n for n, name in enumerate(self.columns) if name.endswith("view0"))


def read_oof(runs: Sequence[Path], items: Sequence[Item]) -> OutOfFold:
    """Read the columns that every run scored."""
    tables = [{(row["source"], row["file"]): row for row in read_csv(run / "oof.csv")} for run in runs]
    columns = sorted(set.intersection(*({k for k in next(iter(t.values())) if "_view" in k} for t in tables)))
    keys = [(item.source, item.path.stem) for item in items]
    raw = np.array([[[float(table[key][column]) for table in tables] for column in columns] for key in keys])
    return OutOfFold(raw, tuple(columns))


def fit_fusion(raw: Floats, items: Sequence[Item]) -> Fusion:
    """Calibrate each model, then fuse; every view of every picture counts, both labels one half, sources by their root."""
    views, models = raw.shape[1:]
    labels = np.repeat([item.label for item in items], views)
    weights = np.repeat(balanced_weights(items), views) / views
    flat = raw.reshape(-1, models)
    platts = tuple(fit_platt(flat[:, n], labels, weights) for n in range(models))
    calibrated = np.stack([p.logits(flat[:, n]) for n, p in enumerate(platts)], axis=1)
    if models == 1:
        return Fusion(platts, (1.0,), 0.0)
    joint = LogisticRegression(C=1e4).fit(calibrated, labels, sample_weight=weights * len(labels))
    return Fusion(platts, tuple(float(w) for w in joint.coef_[0]), float(joint.intercept_[0]))


def sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)))
