"""What a window's fine grain is like in figures: how bins, bands and moments move together.

Beside training.audio.textures, which says what each band does, this says what neighbours do to each other: lines that stand still,
correlations between bins, their steps and their phases, and how narrow bands swing within a pitch period. Nearly all of it is read
off a few products of a matrix with itself, so it is cheap. One layer serves fitting and the exported graph.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from forensics.media.audio import SAMPLE_RATE_HZ
from training.audio.spectra import BINS, HOP, ShortTimeSpectrum, Spectrum
from training.audio.textures import Textures, group_means, running_means

_LINES, _BANDS, _COARSE, _RANGES = 100, 16, 8, 4  # groups of bins
_OFFSETS, _STEP_OFFSETS, _PHASE_OFFSETS = (1, 2, 3, 4, 6, 8, 12, 16), (1, 2, 4, 8), (1, 2, 3, 4, 8)  # bins of 40 Hz
_COMB_OFFSETS = tuple(range(2, 13))
_SHORT, _SHORT_HOP, _SHORT_BANDS = 64, 32, 8  # samples: 4 ms every 2 ms
_SWINGS = (1, 2, 3, 4, 5, 6, 8, 10, 12)  # of 2 ms
_LOCAL = 21  # of 2 ms: what a swing is measured against
_TINY = 1e-6
Floats = NDArray[np.float32]


class OffDiagonals(nn.Module):
    """(batch, BINS, BINS) -> the means of groups along some diagonals above the main one: (batch, offsets * groups)."""

    def __init__(self, offsets: tuple[int, ...], groups: int) -> None:
        super().__init__()
        self._offsets = offsets
        for k in offsets:
            self.register_buffer(f"means_{k}", _tensor(group_means(np.arange(BINS - k), groups, BINS - k).T))

    def forward(self, matrix: Tensor) -> Tensor:
        means = [_diagonal(matrix, k) @ self.get_buffer(f"means_{k}") for k in self._offsets]
        return torch.cat(means, dim=1)


class Grain(nn.Module):
    """Samples (batch, WINDOW_SAMPLES) and their spectrum -> features (batch, width)."""

    def __init__(self) -> None:
        super().__init__()
        self.textures = Textures()
        self.register_buffer("rest", _tensor(np.eye(BINS) - running_means()))
        self.register_buffer("lines", _tensor(group_means(np.arange(1, BINS), _LINES, BINS)))
        self.register_buffer("bands", _tensor(group_means(np.arange(1, BINS), _BANDS, BINS)))
        self.register_buffer("moved", _tensor(group_means(np.arange(BINS), 2 * _BANDS, BINS)))
        self.neighbours, self.comb = OffDiagonals(_OFFSETS, _COARSE), OffDiagonals(_COMB_OFFSETS, _RANGES)
        self.stepping, self.turning = OffDiagonals(_STEP_OFFSETS, _COARSE), OffDiagonals(_PHASE_OFFSETS, _BANDS)
        self.register_buffer("pairs", torch.tensor(_upper(_BANDS)))
        self.register_buffer("short_pairs", torch.tensor(_upper(_SHORT_BANDS)))
        self.register_buffer("short", _tensor(_short_filters()[:, None]))

    def forward(self, samples: Tensor, spectrum: Spectrum) -> Tensor:
        log_power, loud = self.textures.heard(spectrum)
        return torch.cat(
            [
                *self._levels(log_power, loud),
                *self._moves(log_power),
                self._phases(spectrum),
                *self._swings(samples, loud),
                *_waveform(samples),
            ],
            dim=1,
        )

    def _levels(self, log_power: Tensor, loud: Tensor) -> list[Tensor]:
        """Lines in words and pauses, the spread of bins in words, and how bins and bands go together."""
        both = torch.stack([loud, 1 - loud], dim=2)  # (batch, frames, 2)
        means = (log_power @ both) / both.sum(dim=1, keepdim=True).clamp(min=1.0)
        varied = (log_power - means[:, :, :1]) * loud[:, None, :]
        together = (
            varied @ varied.transpose(1, 2) / loud.sum(dim=1).clamp(min=1.0)[:, None, None]
        )  # (batch, BINS, BINS)
        spread = _diagonal(together, 0)
        rest = self.rest @ together @ self.rest.T
        bands = (self.bands @ together @ self.bands.T).flatten(1)
        return [
            (self.lines @ (self.rest @ means)).flatten(1),
            torch.log(spread + _TINY) @ self.lines.T,
            self.neighbours(_normalised(together)),
            self.comb(_normalised(rest)),
            _normalised(bands.unflatten(1, (_BANDS, _BANDS))).flatten(1)[:, self.pairs],
        ]

    def _moves(self, log_power: Tensor) -> list[Tensor]:
        """How far bins move from frame to frame, and how neighbours move together."""
        steps = log_power[:, :, 1:] - log_power[:, :, :-1]
        together = steps @ steps.transpose(1, 2) / steps.shape[2]
        spread = torch.log(_diagonal(together, 0) + _TINY)
        return [spread @ self.moved.T, self.stepping(_normalised(together))]

    def _phases(self, spectrum: Spectrum) -> Tensor:
        """How the phase steps of neighbouring bins go together."""
        cosine, sine = self.textures.phase_steps(*spectrum)
        along = cosine @ cosine.transpose(1, 2) + sine @ sine.transpose(1, 2)
        across = sine @ cosine.transpose(1, 2)
        size = torch.sqrt(along**2 + (across - across.transpose(1, 2)) ** 2 + _TINY) / cosine.shape[2]
        phases: Tensor = self.turning(size)
        return phases

    def _swings(self, samples: Tensor, loud: Tensor) -> list[Tensor]:
        """How narrow bands swing about their local level in words: how far, at which pace, and which together."""
        padded = functional.pad(samples[:, None, :], (_SHORT // 2, _SHORT // 2 - _SHORT_HOP))
        real, imaginary = functional.conv1d(padded, self.short, stride=_SHORT_HOP).chunk(2, dim=1)
        level = torch.sqrt(real**2 + imaginary**2 + 1e-8)
        local = functional.avg_pool1d(level, _LOCAL, stride=1, padding=_LOCAL // 2, count_include_pad=False)
        per_frame = HOP // _SHORT_HOP
        words = loud[:, :, None].expand(-1, -1, per_frame).flatten(1)[:, None, :]
        swing = (level / local - 1) * words  # (batch, _SHORT_BANDS, frames * per_frame)
        count = words.sum(dim=2).clamp(min=1.0)
        square = swing * swing
        power = square.sum(dim=2) / count
        paces = [(swing[:, :, lag:] * swing[:, :, :-lag]).sum(dim=2) / count / (power + _TINY) for lag in _SWINGS]
        return [
            torch.log(power + _TINY),
            (square * swing).sum(dim=2) / count / (power + _TINY) ** 1.5,
            *paces,
            _normalised(swing @ swing.transpose(1, 2)).flatten(1)[:, self.short_pairs],
        ]


def grain(windows: Floats) -> Floats:
    """Return the features of windows (n, WINDOW_SAMPLES): (n, width)."""
    spectrum, layer = _layers()
    with torch.no_grad():
        samples = torch.from_numpy(windows)
        return np.asarray(layer(samples, spectrum(samples)).numpy())


@cache
def _layers() -> tuple[ShortTimeSpectrum, Grain]:
    return ShortTimeSpectrum().eval(), Grain().eval()


def _waveform(samples: Tensor) -> list[Tensor]:
    """How lopsided and how peaked the samples are, and their differences; blind to the sign."""
    result = []
    for wave in (samples, samples[:, 1:] - samples[:, :-1]):
        square = wave * wave  # higher powers are slow where the graph runs
        power = square.mean(dim=1, keepdim=True) + 1e-9
        result += [
            (square * wave).mean(dim=1, keepdim=True).abs() / power**1.5,
            (square * square).mean(dim=1, keepdim=True) / power**2,
        ]
    return result


def _normalised(together: Tensor) -> Tensor:
    """Return correlations of covariances (batch, n, n)."""
    scale = torch.rsqrt(_diagonal(together, 0) + _TINY)
    return together * scale[:, :, None] * scale[:, None, :]


def _diagonal(matrix: Tensor, offset: int) -> Tensor:
    """Return the diagonal `offset` above the main one: (batch, n, n) -> (batch, n - offset)."""
    size = matrix.shape[1]
    return matrix.flatten(1)[:, offset : (size - offset) * size : size + 1]


def _short_filters() -> NDArray[np.float64]:
    """Return narrow bands as short windowed waves, real parts then imaginary ones: (2 * _SHORT_BANDS, _SHORT)."""
    centres = (np.arange(_SHORT_BANDS) + 0.5) / _SHORT_BANDS * SAMPLE_RATE_HZ / 2
    angles = 2 * np.pi * centres[:, None] * np.arange(_SHORT) / SAMPLE_RATE_HZ
    return np.concatenate([np.cos(angles), -np.sin(angles)]) * (
        0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_SHORT) / _SHORT)
    )


def _upper(size: int) -> NDArray[np.int64]:
    """Return where the elements above the diagonal lie in a flattened square."""
    rows, columns = np.triu_indices(size, 1)
    return np.asarray(rows * size + columns, dtype=np.int64)


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
