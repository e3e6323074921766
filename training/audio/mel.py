"""Mel filters on Slaney's scale with unit area, as Whisper's front end uses them (librosa's default, Slaney 1998)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


def mel_filters(
    *, bands: int, fft_size: int, rate_hz: int = SAMPLE_RATE_HZ, low_hz: float = 0.0, high_hz: float | None = None
) -> NDArray[np.float32]:
    """Return the filter matrix (bands, fft_size // 2 + 1) from `low_hz` to `high_hz`, by default the Nyquist frequency."""
    bins = np.linspace(0, rate_hz / 2, fft_size // 2 + 1)
    edges = _to_hz(np.linspace(_to_mel(low_hz), _to_mel(high_hz or rate_hz / 2), bands + 2))
    widths = np.diff(edges)
    ramps = edges[:, None] - bins[None, :]
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None], dtype=np.float32)


def _to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _BREAK_HZ / _LINEAR_HZ_PER_MEL + float(np.log(hz / _BREAK_HZ)) / float(_LOG_STEP)


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    start = _BREAK_HZ / _LINEAR_HZ_PER_MEL
    curved = _BREAK_HZ * np.exp(_LOG_STEP * (mel - start))
    return np.where(mel < start, mel * _LINEAR_HZ_PER_MEL, curved)
