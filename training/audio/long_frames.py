"""What frames of 64 ms say of a window: harmonics and what lies between them, lines that stand still, steps from frame to frame.

The spectrum of 25 ms (training.audio.spectra) blurs the harmonics of most voices; here they are apart, and vocoders differ from
throats in the valleys. The transform is written as two products with small matrices (Cooley and Tukey 1965, 32 x 32), an eighth of
the work of a plain one, so that it can be exported as it is. One layer serves fitting and the exported graph.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from forensics.media.speech import WINDOW_SAMPLES
from training.audio.textures import group_means

FRAME, HOP = 1024, 512  # samples
BINS = FRAME // 2  # of 15.6 Hz, without the last
FRAMES = WINDOW_SAMPLES // HOP
_ROOT = 32  # FRAME = _ROOT squared
_LINES, _RANGES, _BANDS, _COARSE = 128, 32, 16, 8  # groups of bins
_OFFSETS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32)  # bins
_AROUND_LINES, _AROUND_BINS = 6, 8  # bins on either side that a bin is measured against
_QUIET = round(0.4 * (FRAMES - 1)) - 1  # frames up to this rank are pauses and weak sounds
_STEP_RANKS = (2, 12, FRAMES - 14, FRAMES - 4)
_FLOOR, _TINY = 1e-7, 1e-6
Floats = NDArray[np.float32]


class LongSpectrum(nn.Module):
    """Samples (batch, WINDOW_SAMPLES) -> power (batch, FRAMES, BINS), Hann window, zeros before and after."""

    def __init__(self) -> None:
        super().__init__()
        places = np.arange(_ROOT)
        first = np.exp(-2j * np.pi * np.outer(places, places) / _ROOT)
        self.register_buffer("first", _tensor(np.concatenate([first.real, first.imag])))
        k1, n2, k2 = np.meshgrid(places, places, np.arange(_ROOT // 2), indexing="ij")
        second = np.exp(-2j * np.pi * n2 * (k1 + _ROOT * k2) / FRAME)
        by_real = np.concatenate([second.real, second.imag], axis=2)
        by_imaginary = np.concatenate([-second.imag, second.real], axis=2)
        self.register_buffer("second", _tensor(np.concatenate([by_real, by_imaginary], axis=1)))
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
        self.register_buffer("window", _tensor(window.reshape(_ROOT, _ROOT)))

    def forward(self, samples: Tensor) -> Tensor:
        halves = functional.pad(samples, (HOP // 2, HOP // 2)).reshape(-1, FRAMES + 1, _ROOT // 2, _ROOT)
        frames = torch.cat([halves[:, :-1], halves[:, 1:]], dim=2) * self.window
        inner = (self.first @ frames).reshape(-1, 2, _ROOT, _ROOT)  # (batch * FRAMES, part, k1, n2)
        outer = inner.permute(2, 0, 1, 3).reshape(_ROOT, -1, 2 * _ROOT) @ self.second
        square = outer * outer
        power = square[:, :, : _ROOT // 2] + square[:, :, _ROOT // 2 :]  # (k1, batch * FRAMES, k2)
        return power.permute(1, 2, 0).reshape(-1, FRAMES, BINS)


class LongFrames(nn.Module):
    """Samples (batch, WINDOW_SAMPLES) -> features (batch, width)."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = LongSpectrum()
        for name, groups in (("lines", _LINES), ("ranges", _RANGES), ("bands", _BANDS)):
            self.register_buffer(name, _tensor(group_means(np.arange(1, BINS), groups, BINS).T))
        for k in _OFFSETS:
            self.register_buffer(f"pairs_{k}", _tensor(group_means(np.arange(1, BINS - k), _COARSE, BINS - k).T))

    def forward(self, samples: Tensor) -> Tensor:
        log_power = torch.log(self.spectrum(samples) + _FLOOR)
        levels = log_power @ self.bands
        level = levels.mean(dim=2)
        loud = (level > torch.sort(level, dim=1).values[:, _QUIET, None]).float()
        both = torch.stack([loud, 1 - loud], dim=1)
        shares = both / both.sum(dim=2, keepdim=True).clamp(min=1.0)  # (batch, 2, FRAMES): words, pauses
        return torch.cat(
            [
                *self._still(shares @ log_power),
                *self._between(log_power, shares),
                *self._steps(log_power, levels),
            ],
            dim=1,
        )

    def _still(self, means: Tensor) -> list[Tensor]:
        """Return how mean bins stand out from their neighbours, in words and in pauses."""
        rest = means - _local(means, _AROUND_LINES)
        ranges = rest.reshape(rest.shape[0], 2, _RANGES, BINS // _RANGES)
        spread = torch.sqrt((ranges * ranges).mean(dim=3) + _TINY)
        return [*(x.flatten(1) for x in (ranges.amax(dim=3), ranges.amin(dim=3), spread, rest @ self.lines))]

    def _between(self, log_power: Tensor, shares: Tensor) -> list[Tensor]:
        """Return the moments of harmonics and valleys in words, their spread in pauses, and which bins go together."""
        rest = log_power - _local(log_power, _AROUND_BINS)
        square = rest * rest
        words, pauses = shares[:, :1], shares[:, 1:]
        by_bin = words @ square
        spread = (by_bin @ self.bands)[:, 0]
        skew = (words @ (square * rest) @ self.bands)[:, 0] / spread.clamp(min=1e-3) ** 1.5
        tails = (words @ (square * square) @ self.bands)[:, 0] / spread.clamp(min=1e-3) ** 2
        quiet = (pauses @ square @ self.bands)[:, 0]
        heard = rest * torch.sqrt(words.transpose(1, 2)) * torch.rsqrt(by_bin + 1e-4)
        together = [(heard[:, :, :-k] * heard[:, :, k:]).sum(dim=1) @ self.get_buffer(f"pairs_{k}") for k in _OFFSETS]
        return [torch.log(spread + _TINY), skew, tails, torch.log(quiet + 1e-4), *together]

    def _steps(self, log_power: Tensor, levels: Tensor) -> list[Tensor]:
        """Return how far bins move from frame to frame, and how fast bands rise and fall."""
        moved = log_power[:, 1:] - log_power[:, :-1]
        steps = torch.sort(levels[:, 1:] - levels[:, :-1], dim=1).values
        ranked = [steps[:, rank] for rank in _STEP_RANKS]
        return [torch.log((moved * moved).mean(dim=1) @ self.ranges + _TINY), *ranked]


def long_frames(windows: Floats) -> Floats:
    """Return the features of windows (n, WINDOW_SAMPLES): (n, width)."""
    with torch.no_grad():
        return np.asarray(_layer()(torch.from_numpy(windows)).numpy())


@cache
def _layer() -> LongFrames:
    return LongFrames().eval()


def _local(x: Tensor, around: int) -> Tensor:
    """Return running means along the last axis."""
    return functional.avg_pool1d(x, 2 * around + 1, stride=1, padding=around, count_include_pad=False)


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
