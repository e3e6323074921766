"""Damage to spectra, drawn anew for every batch and blind to the label: equaliser, low pass, noise, hidden bands and moments.

Cheap next to the histories of training.audio.augment, which are computed once, so the network never sees one window twice alike.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.audio.spectra import BINS, Spectrum

_BIN_HZ = 40.0
_EQUALISED, _LOW_PASSED, _NOISY, _HIDDEN = 0.5, 0.25, 0.4, 0.4  # how often
_KNOTS, _MOST_GAIN = 10, 0.7  # nepers
_MOST_HIDDEN_BINS, _MOST_HIDDEN_FRAMES = 24, 40


def damaged(spectrum: Spectrum) -> Spectrum:
    """Return the spectra of a batch, each with its own damage."""
    gain = _gain(len(spectrum[0]))[:, :, None]
    return _hidden(_noisy((spectrum[0] * gain, spectrum[1] * gain)))


def _gain(batch: int) -> Tensor:
    """Return an amplitude for every bin, (batch, BINS): a smooth random curve, sometimes with a low pass."""
    strength = torch.where(torch.rand(batch, 1, 1) < _EQUALISED, torch.rand(batch, 1, 1) * _MOST_GAIN, torch.zeros(1))
    knots = torch.randn(batch, 1, _KNOTS) * strength
    curve = functional.interpolate(knots, size=BINS, mode="linear", align_corners=True)[:, 0].exp()
    edge = (3000 + torch.rand(batch) * 4500) / _BIN_HZ
    edge = torch.where(torch.rand(batch) < _LOW_PASSED, edge, torch.full((batch,), 1e9))
    return curve * torch.sigmoid((edge[:, None] - torch.arange(BINS)[None]) / 2).clamp(min=1e-4)


def _noisy(spectrum: Spectrum) -> Spectrum:
    """Add noise of a random slope 5 to 45 dB below the window."""
    real, imaginary = spectrum
    batch = len(real)
    power = (real**2 + imaginary**2).mean(dim=(1, 2))
    level = power * 10 ** (-(5 + torch.rand(batch) * 40) / 10) * (torch.rand(batch) < _NOISY)
    shape = ((torch.arange(BINS)[None] + 3.0) / BINS) ** -torch.rand(batch)[:, None]
    shape = shape / (shape**2).mean(dim=1, keepdim=True).sqrt()
    scale = (level / 2).sqrt()[:, None, None] * shape[:, :, None]
    return real + torch.randn_like(real) * scale, imaginary + torch.randn_like(imaginary) * scale


def _hidden(spectrum: Spectrum) -> Spectrum:
    """Hide up to two bands and two moments."""
    batch, bins, frames = spectrum[0].shape
    kept = torch.ones(batch, bins, frames)
    for _ in range(2):
        kept *= _stretch(batch, bins, _MOST_HIDDEN_BINS)[:, :, None]
        kept *= _stretch(batch, frames, _MOST_HIDDEN_FRAMES)[:, None, :]
    return spectrum[0] * kept, spectrum[1] * kept


def _stretch(batch: int, size: int, most: int) -> Tensor:
    """Return (batch, size) of ones with one stretch of zeros in some rows."""
    first, length = torch.randint(0, size, (batch, 1)), torch.randint(1, most, (batch, 1))
    place = torch.arange(size)[None]
    inside = (place >= first) & (place < first + length) & (torch.rand(batch, 1) < _HIDDEN)
    return (~inside).float()
