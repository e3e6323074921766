"""All figures of a window side by side: of the spectrum, of its grain, of long frames, of Whisper's convolutions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.audio.channels import Channels, channels
from training.audio.data import extra_dir
from training.audio.frozen import Extract, features
from training.audio.grain import Grain, grain
from training.audio.long_frames import LongFrames, long_frames
from training.audio.spectra import ShortTimeSpectrum
from training.audio.textures import Textures, textures

FIGURES: dict[str, Extract] = {
    "textures": textures, "grain": grain, "long_frames": long_frames, "channels": channels,
}  # fmt: skip
Floats = NDArray[np.float32]


class Figures(nn.Module):
    """Samples (batch, WINDOW_SAMPLES) -> figures (batch, width), in the order of FIGURES."""

    def __init__(self, hearing: Channels) -> None:
        super().__init__()
        self.spectrum, self.hearing = ShortTimeSpectrum(), hearing
        self.textures, self.grain, self.long_frames = Textures(), Grain(), LongFrames()

    def forward(self, samples: Tensor) -> Tensor:
        spectrum = self.spectrum(samples)
        short = [self.textures(spectrum), self.grain(samples, spectrum)]
        return torch.cat([*short, self.long_frames(samples), self.hearing(spectrum)], dim=1)


def training_views() -> list[str]:
    """Return the names of all training views there are."""
    return sorted(folder.name.removeprefix("train-") for folder in (extra_dir() / "views").glob("train-*"))


def all_figures(part: str, view: str) -> tuple[list[str], Floats]:
    """Return the clip path of every row and its figures of all kinds, side by side."""
    found = [features(kind, extract, part, view) for kind, extract in FIGURES.items()]
    return found[0][0], np.concatenate([values for _, values in found], axis=1)
