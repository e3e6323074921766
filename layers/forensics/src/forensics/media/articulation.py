"""What lips and voice have in common: 25 moments a second, slow and fast changes left out, some context around each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HZ = 25
CONTEXT = 3  # moments to either side that are seen together with one
_AROUND = 15  # moments to either side whose mean is taken off

Moments = NDArray[np.floating]


def moving(values: Moments) -> NDArray[np.float64]:
    """Return (n, k) at HZ without what changes faster than about 9 or slower than 0.5 times a second, at unit deviation."""
    count = len(values)
    padded = np.concatenate([values[:1], values, values[-1:]])
    smooth = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    sums = np.concatenate([np.zeros((1, smooth.shape[1])), np.cumsum(smooth, axis=0)])
    first = np.maximum(np.arange(count) - _AROUND, 0)
    last = np.minimum(np.arange(count) + _AROUND + 1, count)
    moved = smooth - (sums[last] - sums[first]) / (last - first)[:, None]
    return np.asarray(moved / (moved.std() + 1e-6))


def with_context(values: Moments) -> Moments:
    """Return each moment of (n, k) together with its neighbours: (n, (2 CONTEXT + 1) k)."""
    padded = np.pad(values, ((CONTEXT, CONTEXT), (0, 0)), mode="edge")
    return np.concatenate([padded[n : n + len(values)] for n in range(2 * CONTEXT + 1)], axis=1)
