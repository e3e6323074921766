"""Statistics of linear-frequency cepstral coefficients over a window: a baseline."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ

SIZE, HOP, FILTERS, COEFFICIENTS = 512, 160, 40, 20
PERCENTILES = (5.0, 95.0)
FEATURES = 2 * COEFFICIENTS * (2 + len(PERCENTILES))
_FLOOR = 1e-8
Floats = NDArray[np.float32]


def lfcc_features(windows: Floats) -> Floats:
    """Return mean, deviation and percentiles of LFCCs and their differences: (n, WINDOW_SAMPLES) -> (n, FEATURES)."""
    frames = np.lib.stride_tricks.sliding_window_view(windows, SIZE, axis=1)[:, ::HOP] * np.hanning(SIZE)
    power = np.abs(np.fft.rfft(frames, axis=2)).astype(np.float32) ** 2
    lfcc = scipy.fft.dct(np.log(power @ _bank() + _FLOOR), axis=2, norm="ortho")[:, :, :COEFFICIENTS]
    both = np.concatenate([lfcc[:, 1:], np.diff(lfcc, axis=1)], axis=2)
    stats = [both.mean(axis=1), both.std(axis=1), *np.percentile(both, PERCENTILES, axis=1)]
    return np.concatenate(stats, axis=1).astype(np.float32)


def _bank() -> NDArray[np.float64]:
    """Return triangles evenly spaced from 0 Hz to the Nyquist frequency: (bins, FILTERS)."""
    edges = np.linspace(0, SAMPLE_RATE_HZ / 2, FILTERS + 2)
    bins = np.linspace(0, SAMPLE_RATE_HZ / 2, SIZE // 2 + 1)
    return np.asarray(np.maximum(0, 1 - np.abs(bins[:, None] - edges[None, 1:-1]) / (edges[1] - edges[0])))
