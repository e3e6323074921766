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
Spectrum = tuple[Tensor, Tensor]  # real and imaginary part, each (batch, BINS, frames)


class ShortTimeSpectrum(nn.Module):
    """Samples (batch, n) -> Spectrum with n // HOP frames, Hann window, zeros before and after."""

    def __init__(self) -> None:
        super().__init__()
        angles = 2 * np.pi * np.outer(np.arange(BINS), np.arange(FFT)) / FFT
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
        basis = np.concatenate([np.cos(angles), -np.sin(angles)]) * window
        self.register_buffer("basis", torch.tensor(basis[:, None, :], dtype=torch.float32))

    def forward(self, samples: Tensor) -> Spectrum:
        padded = functional.pad(samples[:, None, :], (FFT // 2, FFT // 2))
        with torch.autocast("cpu", enabled=False):  # powers span more than bfloat16 can tell apart
            real, imaginary = functional.conv1d(padded, self.basis, stride=HOP)[:, :, :-1].chunk(2, dim=1)
        return real, imaginary


class Views(nn.Module):
    """Spectrum -> log-mel (batch, 80, frames), linear (batch, 2 * BINS, frames), phase (batch, BINS, frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", torch.from_numpy(mel_filters(bands=MEL_BANDS, fft_size=FFT)))

    def forward(self, spectrum: Spectrum) -> tuple[Tensor, Tensor, Tensor]:
        power = spectrum[0] ** 2 + spectrum[1] ** 2
        return self._mel(power), _linear(power), phase_regularity(spectrum, power)

    def _mel(self, power: Tensor) -> Tensor:
        log = torch.log10((self.filters @ power).clamp(min=_SMALLEST_MEL))
        return (torch.maximum(log, _loudest(log) - MEL_RANGE) + 4.0) / 4.0


def _linear(power: Tensor) -> Tensor:
    """Every bin twice: against the level of the window, and against the bin's own mean, which no linear channel changes."""
    log = torch.log(power + _SMALLEST_POWER)
    log = torch.maximum(log, _loudest(log) - LINEAR_RANGE)
    overall = (log - log.mean(dim=(1, 2), keepdim=True)) / 4.0
    own = (log - log.mean(dim=2, keepdim=True)) / 2.5
    return torch.cat([overall, own], dim=1)


def phase_regularity(spectrum: Spectrum, power: Tensor) -> Tensor:
    """Return the cosine of the second difference of phase over time, towards 0 where a bin is nearly silent.

    1 where a bin's frequency stands still.
    """
    length = torch.sqrt(power)
    (re0, im0), (re1, im1), (re2, im2) = (_shifted(spectrum, k) for k in (0, 1, 2))
    outer = re0 * re2 - im0 * im2, re0 * im2 + im0 * re2
    twice = re1**2 - im1**2, 2 * re1 * im1
    size = length[:, :, :-2] * power[:, :, 1:-1] * length[:, :, 2:]
    return functional.pad((outer[0] * twice[0] + outer[1] * twice[1]) / (size + _QUIET), (1, 1))


def _shifted(spectrum: Spectrum, first: int) -> Spectrum:
    frames = spectrum[0].shape[2] - 2
    return spectrum[0][:, :, first : first + frames], spectrum[1][:, :, first : first + frames]


def _loudest(log: Tensor) -> Tensor:
    return log.amax(dim=(1, 2), keepdim=True)
