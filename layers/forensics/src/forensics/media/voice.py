"""The voice from moment to moment, in nine numbers: what lip_sync compares with the mouth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forensics.media.articulation import HZ, moving
from forensics.media.audio import SAMPLE_RATE_HZ, Samples

BANDS, COSINES = 24, 8
_WINDOW, _FFT, _STEP = 400, 512, SAMPLE_RATE_HZ // (2 * HZ)  # samples: 25 ms, every 20 ms
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 7000.0
_VOICE_BINS = slice(10, 97)  # 312 to 3000 Hz
_DEEPEST = 10.0  # of a band below its own loudest moment, in natural logarithms of power
_LOUDNESS = 4.0


class VoiceMeter:
    """Is given mono samples at SAMPLE_RATE_HZ block by block; keeps 33 numbers for every 20 ms of them."""

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(
            _WINDOW // 2, dtype=np.float32
        )  # so that the first window is centred on the first sample
        self._bands: list[NDArray[np.float32]] = []
        self._loud: list[NDArray[np.float32]] = []

    def push(self, samples: Samples) -> None:
        """Take the next samples (n,)."""
        self._rest = np.concatenate([self._rest, samples])
        count = (len(self._rest) - _WINDOW) // _STEP + 1
        if count <= 0:
            return
        cut = np.lib.stride_tricks.sliding_window_view(self._rest, _WINDOW)[: count * _STEP : _STEP]
        power = np.abs(np.fft.rfft(cut * _HANN, _FFT)) ** 2
        self._bands.append(np.log(power @ _MEL.T + 1e-6).astype(np.float32))
        self._loud.append(np.sqrt(power[:, _VOICE_BINS].sum(axis=1)).astype(np.float32))
        self._rest = self._rest[count * _STEP :]

    def close(self) -> NDArray[np.float64]:
        """Return (n, COSINES + 1) at HZ from the first sample on, as `moving` leaves them; n is 0 for less than a moment."""
        if not self._bands:
            return np.zeros((0, COSINES + 1))
        bands = np.concatenate(self._bands)
        loud = np.concatenate(self._loud)
        bands = np.maximum(bands, bands.max(axis=0) - _DEEPEST)
        louder = np.sqrt(loud / (np.percentile(loud, 97) + 1e-9))
        fine = np.concatenate([bands @ _COSINES, _LOUDNESS * louder[:, None]], axis=1)
        at = 2 * np.arange(len(fine) // 2)
        return moving((fine[np.maximum(at - 1, 0)] + 2 * fine[at] + fine[at + 1]) / 4)


def _mel_bands() -> NDArray[np.float64]:
    def mel(hz: float) -> float:
        return float(2595 * np.log10(1 + hz / 700))

    edges = 700 * (10 ** (np.linspace(mel(_LOWEST_HZ), mel(_HIGHEST_HZ), BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE_HZ)
    rising = [(bins - low) / (middle - low) for low, middle in pairwise(edges[:-1])]
    falling = [(high - bins) / (high - middle) for middle, high in pairwise(edges[1:])]
    return np.clip(np.minimum(rising, falling), 0, None)


_MEL = _mel_bands()
_COSINES = np.cos(np.pi * np.outer(np.arange(BANDS) + 0.5, np.arange(COSINES)) / BANDS) / BANDS**0.5
_HANN = np.hanning(_WINDOW)
