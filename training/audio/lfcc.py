"""Statistics of linear-frequency cepstral coefficients over a window: in NumPy for fitting, as a layer for the served graph."""

from __future__ import annotations

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from forensics.media.audio import SAMPLE_RATE_HZ
from forensics.media.speech import WINDOW_SAMPLES

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


class LfccStatistics(nn.Module):
    """The same as a layer: (batch, WINDOW_SAMPLES) -> (batch, FEATURES)."""

    def __init__(self) -> None:
        super().__init__()
        angles = 2 * np.pi * np.outer(np.arange(SIZE // 2 + 1), np.arange(SIZE)) / SIZE
        basis = np.concatenate([np.cos(angles), np.sin(angles)]) * np.hanning(SIZE)
        cosines = scipy.fft.dct(np.eye(FILTERS), axis=0, norm="ortho")[:COEFFICIENTS]
        self.register_buffer("basis", torch.tensor(basis[:, None, :], dtype=torch.float32))
        self.register_buffer("bank", torch.tensor(_bank().T, dtype=torch.float32))
        self.register_buffer("cosines", torch.tensor(cosines, dtype=torch.float32))
        self._frames = (WINDOW_SAMPLES - SIZE) // HOP  # of the differences, one less than of the coefficients

    def forward(self, samples: Tensor) -> Tensor:
        real, imaginary = functional.conv1d(samples[:, None, :], self.basis, stride=HOP).chunk(2, dim=1)
        lfcc = self.cosines @ torch.log(self.bank @ (real**2 + imaginary**2) + _FLOOR)  # (batch, coefficients, frames)
        both = torch.cat([lfcc[:, :, 1:], lfcc[:, :, 1:] - lfcc[:, :, :-1]], dim=1)
        mean = both.mean(dim=2)
        deviation = torch.sqrt(((both - mean[:, :, None]) ** 2).mean(dim=2))
        ordered = torch.sort(both, dim=2).values
        return torch.cat([mean, deviation, *(self._percentile(ordered, p) for p in PERCENTILES)], dim=1)

    def _percentile(self, ordered: Tensor, percent: float) -> Tensor:
        place = percent / 100 * (self._frames - 1)
        low = int(place)
        return ordered[:, :, low] + (place - low) * (ordered[:, :, low + 1] - ordered[:, :, low])


def _bank() -> NDArray[np.float64]:
    """Return triangles evenly spaced from 0 Hz to the Nyquist frequency: (bins, FILTERS)."""
    edges = np.linspace(0, SAMPLE_RATE_HZ / 2, FILTERS + 2)
    bins = np.linspace(0, SAMPLE_RATE_HZ / 2, SIZE // 2 + 1)
    return np.asarray(np.maximum(0, 1 - np.abs(bins[:, None] - edges[None, 1:-1]) / (edges[1] - edges[0])))
