"""The short-time spectrum that the figures are read off, as a layer, so that serving computes what training did.

The spectrum is a fixed convolution: the exported graph takes samples and needs no feature code.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

FFT, HOP = 400, 160
BINS = FFT // 2 + 1
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
        padded = functional.pad(samples[:, None, :], (FFT // 2, FFT // 2 - HOP))
        parts = (self.basis[:BINS], self.basis[BINS:])  # apart, since cutting the result in two copies it
        real, imaginary = (functional.conv1d(padded, part, stride=HOP) for part in parts)
        return real, imaginary
