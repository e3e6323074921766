"""What Whisper's convolutions hear in a window, in figures: mean, deviation and mean step of every channel.

The convolutions of Whisper base (OpenAI, MIT) stay as they are published: their output keeps what vocoders leave, its later layers
forget it. They speak of bands over tens of milliseconds, where the other figures speak of bins and frames.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.audio.early_whisper import EarlyWhisper, load_whisper, pooled
from training.audio.spectra import ShortTimeSpectrum, Spectrum

CHANNELS = 512  # of Whisper base
RANK = 160  # 0.2 % of the outputs' variance is lost
Floats = NDArray[np.float32]


class Channels(nn.Module):
    """Spectrum of a window -> features (batch, 3 * CHANNELS)."""

    def __init__(self) -> None:
        super().__init__()
        self.whisper = EarlyWhisper(CHANNELS, layers=0)

    def forward(self, spectrum: Spectrum) -> Tensor:
        return pooled(self.whisper(spectrum))

    @torch.no_grad()
    def narrow(self, spectrum: Spectrum, *, rank: int = RANK) -> None:
        """Replace the second convolution by two layers that do nearly the same in fewer products, fitted on spectra.

        Its outputs on speech lie close to a plane of few dimensions: a narrow convolution gives the coordinates there, a mixture
        of those the channels.
        """
        wide = self.whisper.conv2
        if not isinstance(wide, nn.Conv1d) or wide.bias is None:
            raise TypeError("the convolution is narrow already")
        outputs = wide(self.whisper.inner(spectrum)).transpose(1, 2).reshape(-1, CHANNELS)
        mean = outputs.mean(dim=0)
        _, directions = torch.linalg.eigh(((outputs - mean).T @ (outputs - mean)).double())
        axes = directions[:, -rank:].float()  # (CHANNELS, rank), the largest last
        first, second = nn.Conv1d(CHANNELS, rank, 3, stride=2, padding=1), nn.Conv1d(rank, CHANNELS, 1)
        first.load_state_dict(
            {"weight": torch.einsum("cr,cik->rik", axes, wide.weight), "bias": axes.T @ (wide.bias - mean)}
        )
        second.load_state_dict({"weight": axes[:, :, None], "bias": mean})
        self.whisper.conv2 = nn.Sequential(first, second)


def published() -> Channels:
    """Return the layer with Whisper's weights, from the CTranslate2 model.bin that WHISPER names."""
    layer = Channels()
    load_whisper(layer.whisper, Path(os.environ["WHISPER"]))
    return layer.eval()


def channels(windows: Floats) -> Floats:
    """Return the features of windows (n, WINDOW_SAMPLES): (n, 3 * CHANNELS)."""
    spectrum, layer = _layers()
    with torch.no_grad():
        return np.asarray(layer(spectrum(torch.from_numpy(windows))).numpy())


@cache
def _layers() -> tuple[ShortTimeSpectrum, Channels]:
    return ShortTimeSpectrum().eval(), published()
