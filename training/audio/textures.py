"""What a window's spectrum is like in figures: cepstra, the fine structure of bins, pauses against words, phase, modulation.

One layer, on the spectrum that the network takes, serves fitting and the exported graph. Vocoders leave their marks between the
harmonics, in how regularly phase advances, and in pauses that are too clean; trees find what of it holds.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from forensics.media.audio import SAMPLE_RATE_HZ
from forensics.media.speech import WINDOW_SAMPLES
from training.audio.spectra import BINS, HOP, ShortTimeSpectrum, Spectrum

FILTERS, COEFFICIENTS = 64, 40
_FEW = 20  # coefficients whose shape over time is told too
_GROUPS = 16  # of bins, and of filters
_LAG_GROUPS, _LAGS = 8, (2, 5, 10, 20)  # frames of 10 ms
_PERCENTILES = (10.0, 50.0, 90.0)
_QUIET_PERCENT = 40.0  # frames below are pauses and weak sounds
_SMOOTHED_BINS = 9
_FLOOR, _TINY = 1e-8, 1e-6
_FRAMES = WINDOW_SAMPLES // HOP
Floats = NDArray[np.float32]


class Textures(nn.Module):
    """Spectrum of a window of WINDOW_SAMPLES -> features (batch, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bank", _tensor(_bank().T))
        self.register_buffer("cosines", _tensor(scipy.fft.dct(np.eye(FILTERS), axis=0, norm="ortho")[:COEFFICIENTS]))
        self.register_buffer("bin_groups", _tensor(group_means(np.arange(1, BINS), _GROUPS, BINS)))
        self.register_buffer("filter_groups", _tensor(group_means(np.arange(FILTERS), _GROUPS, FILTERS)))
        self.register_buffer("lag_groups", _tensor(group_means(np.arange(FILTERS), _LAG_GROUPS, FILTERS)))
        self.register_buffer("smoothing", _tensor(running_means()))

    def forward(self, spectrum: Spectrum) -> Tensor:
        real, imaginary = spectrum
        power = real**2 + imaginary**2  # (batch, bins, frames)
        bands, loud = self._bands(power)
        cepstra = self.cosines @ bands
        return torch.cat(
            [
                *_shape(cepstra),
                *self._fine(torch.log(power + _FLOOR), loud),
                *self._pauses(bands, loud),
                *self._phase(real, imaginary, power),
                *self._modulation(bands),
            ],
            dim=1,
        )

    def heard(self, spectrum: Spectrum) -> tuple[Tensor, Tensor]:
        """Return log power (batch, bins, frames) and which frames are words: (batch, frames), 0 or 1."""
        power = spectrum[0] ** 2 + spectrum[1] ** 2
        return torch.log(power + _FLOOR), self._bands(power)[1]

    def phase_steps(self, real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of the phase's advance from frame to frame."""
        ahead = _times(real[:, :, 1:], imaginary[:, :, 1:], real[:, :, :-1], -imaginary[:, :, :-1])
        size = torch.sqrt(ahead[0] ** 2 + ahead[1] ** 2 + 1e-20)
        return ahead[0] / size, ahead[1] / size

    def _bands(self, power: Tensor) -> tuple[Tensor, Tensor]:
        bands = torch.log(self.bank @ power + _FLOOR)
        level = bands.mean(dim=1)
        loud = (level > _percentile(torch.sort(level, dim=1).values, _QUIET_PERCENT)[:, None]).float()
        return bands, loud

    def _fine(self, log_power: Tensor, loud: Tensor) -> list[Tensor]:
        """How far bins are from their neighbours, in words and in pauses."""
        rough = self.bin_groups @ (log_power - self.smoothing @ log_power) ** 2
        return [_mean_where(rough, loud), _mean_where(rough, 1 - loud)]

    def _pauses(self, bands: Tensor, loud: Tensor) -> list[Tensor]:
        """The spectrum's slope in words, and how far pauses lie below."""
        levels = self.filter_groups @ bands
        words = _mean_where(levels, loud)
        return [words - words.mean(dim=1, keepdim=True), _mean_where(levels, 1 - loud) - words]

    def _phase(self, real: Tensor, imaginary: Tensor, power: Tensor) -> list[Tensor]:
        """How regularly phase advances from frame to frame: weighed by power, and in second differences."""
        cosine, sine = self.phase_steps(real, imaginary)
        weight = power[:, :, 1:]
        sums = [(part * weight).sum(dim=2, keepdim=True) for part in (cosine, sine)]
        steady = torch.sqrt(sums[0] ** 2 + sums[1] ** 2) / weight.sum(dim=2, keepdim=True).clamp(min=1e-9)
        bent = _times(cosine[:, :, 1:], sine[:, :, 1:], cosine[:, :, :-1], -sine[:, :, :-1])
        means = [(self.bin_groups @ part.mean(dim=2, keepdim=True))[:, :, 0] for part in bent]
        return [(self.bin_groups @ steady)[:, :, 0], torch.sqrt(means[0] ** 2 + means[1] ** 2)]

    def _modulation(self, bands: Tensor) -> list[Tensor]:
        """How long bands keep their level: autocorrelation over time."""
        varied = bands - bands.mean(dim=2, keepdim=True)
        power = (self.lag_groups @ (varied**2).mean(dim=2, keepdim=True))[:, :, 0].clamp(min=_TINY)
        pairs = [(varied[:, :, lag:] * varied[:, :, :-lag]).mean(dim=2, keepdim=True) for lag in _LAGS]
        return [(self.lag_groups @ pair)[:, :, 0] / power for pair in pairs]


def textures(windows: Floats) -> Floats:
    """Return the features of windows (n, WINDOW_SAMPLES): (n, WIDTH)."""
    spectrum, layer = _layers()
    with torch.no_grad():
        return np.asarray(layer(spectrum(torch.from_numpy(windows))).numpy())


@cache
def _layers() -> tuple[ShortTimeSpectrum, Textures]:
    return ShortTimeSpectrum().eval(), Textures().eval()


def _shape(cepstra: Tensor) -> list[Tensor]:
    """Mean, deviation, percentiles, skew and kurtosis of cepstra over time, deviation and kurtosis of their differences."""
    steps = cepstra[:, :, 1:] - cepstra[:, :, :-1]
    few, few_steps = cepstra[:, 1:_FEW], steps[:, 1:_FEW]
    ordered = torch.sort(few, dim=2).values
    scaled = (few - few.mean(dim=2, keepdim=True)) / _deviation(few)[:, :, None]
    return [
        cepstra[:, 1:].mean(dim=2),
        _deviation(cepstra),
        _deviation(steps),
        *(_percentile(ordered, percent) for percent in _PERCENTILES),
        (scaled**3).mean(dim=2),
        (scaled**4).mean(dim=2),
        ((few_steps / _deviation(few_steps)[:, :, None]) ** 4).mean(dim=2),
    ]


def _deviation(x: Tensor) -> Tensor:
    return torch.sqrt(((x - x.mean(dim=2, keepdim=True)) ** 2).mean(dim=2)).clamp(min=_TINY)


def _percentile(ordered: Tensor, percent: float) -> Tensor:
    """Return a percentile of what is sorted along its last axis, interpolated; as NumPy would."""
    place = percent / 100 * (_FRAMES - 1)
    low = int(place)
    return ordered[..., low] + (place - low) * (ordered[..., low + 1] - ordered[..., low])


def _mean_where(x: Tensor, chosen: Tensor) -> Tensor:
    return (x * chosen[:, None, :]).sum(dim=2) / chosen.sum(dim=1, keepdim=True).clamp(min=1.0)


def _times(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """(a + bi) * (c + di)."""
    return a * c - b * d, a * d + b * c


def _bank() -> NDArray[np.float64]:
    """Return triangles evenly spaced from 0 Hz to the Nyquist frequency: (bins, FILTERS)."""
    edges = np.linspace(0, SAMPLE_RATE_HZ / 2, FILTERS + 2)
    bins = np.linspace(0, SAMPLE_RATE_HZ / 2, BINS)
    return np.asarray(np.maximum(0, 1 - np.abs(bins[:, None] - edges[None, 1:-1]) / (edges[1] - edges[0])))


def group_means(members: NDArray[np.int64], groups: int, width: int) -> NDArray[np.float64]:
    """Return a matrix (groups, width) that takes means of neighbours."""
    matrix = np.zeros((groups, width))
    for row, group in enumerate(np.array_split(members, groups)):
        matrix[row, group] = 1 / len(group)
    return matrix


def running_means() -> NDArray[np.float64]:
    """Return a matrix (bins, bins) that takes running means; beyond the edges bins are mirrored."""
    matrix, half = np.zeros((BINS, BINS)), _SMOOTHED_BINS // 2
    for row in range(BINS):
        for at in range(row - half, row + half + 1):
            mirrored = -at - 1 if at < 0 else at if at < BINS else 2 * BINS - 1 - at
            matrix[row, mirrored] += 1 / _SMOOTHED_BINS
    return matrix


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
