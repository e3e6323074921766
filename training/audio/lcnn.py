"""A light CNN on a log spectrogram of linear bands, trained from nothing: the baseline that the speech encoder has to beat.

After Wu et al. 2018 (max-feature-map) and the ASVspoof baselines; linear bands, because vocoders leave traces above the mel scale's
resolution. Pooled over time by mean and deviation.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from forensics.media.audio import SAMPLE_RATE_HZ

FFT, HOP, BANDS = 512, 160, 128
EMBEDDING = 64


class LinearBands(nn.Module):
    """(batch, samples) -> (batch, 1, BANDS, frames): log power of evenly spaced bands, each clip centred."""

    def __init__(self) -> None:
        super().__init__()
        angles = 2 * np.pi * np.outer(np.arange(FFT // 2 + 1), np.arange(FFT)) / FFT
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
        basis = np.concatenate([np.cos(angles), np.sin(angles)]) * window
        edges = np.linspace(0, SAMPLE_RATE_HZ / 2, BANDS + 2)
        bins = np.linspace(0, SAMPLE_RATE_HZ / 2, FFT // 2 + 1)
        bank = np.maximum(0, 1 - np.abs(bins[None] - edges[1:-1, None]) / (edges[1] - edges[0]))
        self.register_buffer("basis", torch.tensor(basis[:, None, :], dtype=torch.float32))
        self.register_buffer("bank", torch.tensor(bank[:, :, None], dtype=torch.float32))

    def forward(self, samples: Tensor) -> Tensor:
        real, imaginary = functional.conv1d(samples[:, None, :], self.basis, stride=HOP).chunk(2, dim=1)
        log = torch.log(functional.conv1d(real**2 + imaginary**2, self.bank) + 1e-5)
        return (log - log.mean(dim=(1, 2), keepdim=True))[:, None] / 4.0


class MaxFeatureMap(nn.Module):
    """A convolution of twice the channels of which the larger of each pair is kept, then batch norm."""

    def __init__(self, width_in: int, width: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, 2 * width, size, padding=size // 2)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.conv(x).chunk(2, dim=1)
        return self.norm(torch.maximum(first, second))


class Lcnn(nn.Module):
    """Samples to logit: (batch, samples) -> logit (batch,), embedding (batch, EMBEDDING)."""

    def __init__(self, *, dropout: float) -> None:
        super().__init__()
        self.bands = LinearBands()
        self.encoder = nn.Sequential(
            MaxFeatureMap(1, 16, 5), nn.MaxPool2d(2),
            MaxFeatureMap(16, 16, 1), MaxFeatureMap(16, 24, 3), nn.MaxPool2d(2),
            MaxFeatureMap(24, 24, 1), MaxFeatureMap(24, 32, 3), nn.MaxPool2d((2, 1)),
            MaxFeatureMap(32, 32, 1), MaxFeatureMap(32, 48, 3), nn.MaxPool2d((2, 1)),
        )  # fmt: skip
        self.drop = nn.Dropout(dropout)
        self.hidden, self.out = nn.Linear(2 * 48 * (BANDS // 16), EMBEDDING), nn.Linear(EMBEDDING, 1)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", enabled=False):
            bands = self.bands(samples)
        x = self.encoder(bands).float().flatten(1, 2)  # (batch, 48 * BANDS / 16, frames / 4)
        mean = x.mean(dim=2)
        deviation = torch.sqrt(((x - mean[:, :, None]) ** 2).mean(dim=2) + 1e-5)
        embedding = functional.gelu(self.hidden(self.drop(torch.cat([mean, deviation], dim=1))))
        return self.out(embedding)[:, 0], embedding
