"""What the network looks at: three views of one short-time spectrum, as layers, so that serving computes what training did.

Log-mel bands as Whisper wants them, every linear bin (vocoders leave traces above the mel scale's resolution), and how regularly
the phase of each bin advances. The spectrum is a fixed convolution: the exported graph takes samples and needs no feature code.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.audio.mel import mel_filters

FFT, HOP, MEL_BANDS = 400, 160, 80
BINS = FFT // 2 + 1
MEL_RANGE = 8.0  # decades below the loudest cell, as in whisper/audio.py
LINEAR_RANGE = 16.0  # nepers of power below the loudest cell
_SMALLEST_MEL, _SMALLEST_POWER = 1e-10, 1e-6
_QUIET = 1e-9  # product of four lengths below which phase is noise
_LEVEL_SCALE, _OWN_SCALE = 4.0, 2.5  # nepers
OWN_SHARE = _OWN_SCALE / _LEVEL_SCALE
Spectrum = tuple[Tensor, Tensor]  # real and imaginary part, each (batch, BINS, frames)
Linear = tuple[Tensor, Tensor]


class ShortTimeSpectrum(nn.Module):
    """Samples (batch, n) -> Spectrum with n // HOP frames, Hann window, zeros before and after."""

    def __init__(self) -> None:
        super().__init__()
        angles = 2 * np.pi * np.outer(np.arange(BINS), np.arange(FFT)) / FFT
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
        basis = np.concatenate([np.cos(angles), -np.sin(angles)]) * window
        self.register_buffer("basis", torch.tensor(basis[:, None, :], dtype=torch.float32))

    def forward(self, samples: Tensor) -> Spectrum:
        padded = functional.pad(samples[:, None, :], (FFT // 2, FFT // 2 - HOP))
        with torch.autocast("cpu", enabled=False):  # powers span more than bfloat16 can tell apart
            parts = (self.basis[:BINS], self.basis[BINS:])  # apart, since cutting the result in two copies it
            real, imaginary = (functional.conv1d(padded, part, stride=HOP) for part in parts)
        return real, imaginary


class Views(nn.Module):
    """Spectrum -> log-mel (batch, 80, frames), linear (`linear_views`), phase (batch, BINS, frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", torch.from_numpy(mel_filters(bands=MEL_BANDS, fft_size=FFT)))

    def forward(self, spectrum: Spectrum) -> tuple[Tensor, Linear, Tensor]:
        power = spectrum[0] ** 2 + spectrum[1] ** 2
        return self._mel(power), linear_views(power), phase_regularity(spectrum, power)

    def _mel(self, power: Tensor) -> Tensor:
        log = torch.log10((self.filters @ power).clamp(min=_SMALLEST_MEL))
        return (torch.maximum(log, _loudest(log) - MEL_RANGE) + 4.0) / 4.0


def linear_views(power: Tensor) -> Linear:
    """Return every bin against its own mean, which no linear channel changes, and that mean against the level of the window.

    The first is (batch, BINS, frames), the second (batch, BINS, 1). A bin against the level of the window is
    OWN_SHARE times the first with the second added.
    """
    log = torch.log(power + _SMALLEST_POWER)
    log = torch.maximum(log, _loudest(log) - LINEAR_RANGE)
    mean = log.mean(dim=2, keepdim=True)
    return (log - mean) / _OWN_SCALE, (mean - mean.mean(dim=1, keepdim=True)) / _LEVEL_SCALE


def phase_regularity(spectrum: Spectrum, power: Tensor) -> Tensor:
    """Return the cosine of the second difference of phase over time, towards 0 where a bin is nearly silent.

    1 where a bin's frequency stands still.
    """
    length = torch.sqrt(power)
    (re0, re1), (im0, im1) = (_neighbours(part) for part in spectrum)
    ahead, across = (
        _neighbours(re1 * re0 + im1 * im0),
        _neighbours(im1 * re0 - re1 * im0),
    )  # a step of phase, and the next
    size = length[:, :, :-2] * power[:, :, 1:-1] * length[:, :, 2:]
    return functional.pad((ahead[0] * ahead[1] + across[0] * across[1]) / (size + _QUIET), (1, 1))


def _neighbours(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what comes before and after every step along the last axis."""
    return x[:, :, :-1], x[:, :, 1:]


def _loudest(log: Tensor) -> Tensor:
    return log.amax(dim=(1, 2), keepdim=True)
