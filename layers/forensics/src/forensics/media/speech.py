"""Level, edges and windows of speech: the one preprocessing of training and serving (numpy only, deterministic)."""

from __future__ import annotations

import numpy as np

from forensics.media.audio import SAMPLE_RATE_HZ, Samples

WINDOW_SECONDS = 4.0
HOP_SECONDS = 2.0
WINDOW_SAMPLES = round(WINDOW_SECONDS * SAMPLE_RATE_HZ)
HOP_SAMPLES = round(HOP_SECONDS * SAMPLE_RATE_HZ)

_FRAME_SAMPLES = SAMPLE_RATE_HZ // 50  # 20 ms
_ACTIVE_BELOW_PEAK_DB = 30.0  # frames this close to the loudest one count as speech
_SILENT_BELOW_PEAK_DB = 45.0
_EDGE_FRAMES = 3  # 60 ms of the room stay around the speech
ACTIVE_RMS = 0.06  # about -24 dBFS
_FLOOR = 1e-9


def normalise_level(samples: Samples) -> Samples:
    """Return mono samples (n,) without offset and with their active frames at the RMS `ACTIVE_RMS`; silence stays silence."""
    centred = samples - np.float32(samples.mean()) if samples.size else samples
    power = frame_power(centred)
    peak = float(power.max(initial=0.0))
    if peak <= _FLOOR:
        return np.zeros_like(samples)
    active = power[power >= peak * _ratio(_ACTIVE_BELOW_PEAK_DB)]
    return np.asarray(centred * np.float32(ACTIVE_RMS / np.sqrt(active.mean())), dtype=np.float32)


def trim_edges(samples: Samples) -> Samples:
    """Return mono samples (n,) without the silence before and after; at most 60 ms of it stay on each side."""
    power = frame_power(samples)
    loud = np.flatnonzero(power >= max(float(power.max(initial=0.0)) * _ratio(_SILENT_BELOW_PEAK_DB), _FLOOR))
    if not loud.size:
        return samples[:0]
    first, last = max(int(loud[0]) - _EDGE_FRAMES, 0), int(loud[-1]) + 1 + _EDGE_FRAMES
    return samples[first * _FRAME_SAMPLES : last * _FRAME_SAMPLES]


def fit_window(samples: Samples, *, length: int = WINDOW_SAMPLES) -> Samples:
    """Return exactly `length` samples: the first ones, or the clip repeated until it fills the window."""
    if not samples.size:
        return np.zeros(length, dtype=np.float32)
    return np.asarray(np.resize(samples, length), dtype=np.float32)


def model_window(samples: Samples) -> Samples:
    """Return the model's input for one stretch of speech: level-normalised float32 (WINDOW_SAMPLES,)."""
    return fit_window(normalise_level(samples[:WINDOW_SAMPLES]))


def window_starts(length: int) -> tuple[int, ...]:
    """Return where windows begin in `length` samples of speech: every HOP_SAMPLES, the last one flush with the end."""
    last = max(length - WINDOW_SAMPLES, 0)
    return (*range(0, last, HOP_SAMPLES), last)


def frame_power(samples: Samples) -> Samples:
    """Return the mean power of each 20 ms frame, the last one shorter: float32 (frames,)."""
    if not samples.size:
        return np.zeros(0, dtype=np.float32)
    starts = np.arange(0, samples.size, _FRAME_SAMPLES)
    sums = np.add.reduceat(samples.astype(np.float64) ** 2, starts)
    return np.asarray(sums / np.minimum(_FRAME_SAMPLES, samples.size - starts), dtype=np.float32)


def _ratio(decibel: float) -> float:
    return float(10.0 ** (-decibel / 10.0))
