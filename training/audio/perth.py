"""PerTh, the inaudible mark that Resemble's programs (Chatterbox among them) put into the speech they make: writer and reader.

Both are the published networks (resemble-perth, MIT) in NumPy, at 16 kHz: three convolutional branches over the spectrogram below
2 kHz that see it slowed, plain and quickened, weighed by their own attention; about 1 for a mark, 0 for none. They were made for
32 kHz, frames of 2048 and hops of 320; at 16 kHz frames of 1024 and hops of 160 hold the same bins. Not served:
`training.audio.watermark` says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from forensics.media.audio import Samples

THRESHOLD = 0.8  # of the whole decoder
FIRST_THRESHOLD = 1.5  # of the plain branch before attention: marks give 3 to 6, worn ones less
_SPEEDS = (1.25, 1.0, 0.75)  # how long each branch sees the spectrogram
_PLAIN = 1
_FRAME, _HOP = 1024, 160
_BINS = 128  # below 2 kHz
_LOWEST_DB, _HEADROOM_DB = -180.0, 15.0
_AT_32_KHZ = 2.0  # a frame twice as long sums to twice the amplitude
_LOUD_SHARE = 0.05
_SLOPE = 0.01  # of the leaky rectifier
_WINDOW = np.hanning(_FRAME + 1)[:-1]  # periodic
Grid = NDArray[np.float32]


@dataclass(frozen=True)
class _Layer:
    weights: Grid  # (inputs * width, outputs)
    bias: Grid
    width: int


class Perth:
    """Writes and reads the mark; stretches are mono speech at 16 kHz at their own level."""

    def __init__(self, checkpoint: Path) -> None:
        state = torch.load(checkpoint, map_location="cpu", weights_only=False)["model"]
        self._encoder = _layers(state, "encoder.layers")
        self._branches = [_layers(state, f"decoder.{name}_layers") for name in ("slow", "normal", "fast")]

    def finds(self, stretches: Sequence[Samples]) -> bool:
        """Tell whether there is a mark; the quick branch asks first."""
        return self.first_look(stretches[:2]) >= FIRST_THRESHOLD and self.score(stretches) >= THRESHOLD

    def first_look(self, stretches: Sequence[Samples]) -> float:
        """Return the plain branch's mean over loud frames."""
        spectrogram, loud = _spectrogram(stretches)
        return self._branch(_PLAIN, spectrogram, loud)[1]

    def score(self, stretches: Sequence[Samples]) -> float:
        """Return the published decoder's answer, about 0 or 1."""
        spectrogram, loud = _spectrogram(stretches)
        seen = [self._branch(i, *_stretched(spectrogram, loud, speed)) for i, speed in enumerate(_SPEEDS)]
        attention, marks = np.array(seen).T
        shares = np.exp(attention - attention.max())
        return float((marks * shares).sum() / shares.sum())

    def marked(self, samples: Samples) -> Samples:
        """Return the samples with the mark: a residual on the log spectrogram of frames that are not silent."""
        padded = np.pad(samples, _FRAME)
        spectrum = np.fft.rfft(sliding_window_view(padded, _FRAME)[::_HOP] * _WINDOW, axis=1)
        frames, loud = _scaled(spectrum)
        residual = _network(frames, self._encoder) * loud[:, None]
        spectrum[:, :_BINS] *= 10 ** (residual * (_HEADROOM_DB - _LOWEST_DB) / 20)
        whole, weight = np.zeros(padded.size), np.zeros(padded.size)
        for number, frame in enumerate(np.fft.irfft(spectrum, _FRAME, axis=1) * _WINDOW):
            at = slice(number * _HOP, number * _HOP + _FRAME)
            whole[at] += frame
            weight[at] += _WINDOW**2
        return np.asarray((whole / np.maximum(weight, 1e-6))[_FRAME:-_FRAME], dtype=np.float32)

    def _branch(self, number: int, frames: Grid, loud: Grid) -> tuple[float, float]:
        """Return attention and mark, means over the loud frames."""
        out = _network(frames, self._branches[number])
        means = (out * loud[:, None]).sum(axis=0) / max(float(loud.sum()), 1.0)
        return float(means[0]), float(means[1])


def _network(frames: Grid, layers: Sequence[_Layer]) -> Grid:
    for layer in layers[:-1]:
        frames = _convolved(frames, layer)
        frames = np.maximum(frames, _SLOPE * frames)
    return _convolved(frames, layers[-1])


def _spectrogram(stretches: Sequence[Samples]) -> tuple[Grid, Grid]:
    """Return (frames, bins) of decibels scaled to 0..1 below 2 kHz, and 1 for frames that are not silent."""
    framed = np.concatenate([sliding_window_view(s, _FRAME)[::_HOP] for s in stretches])
    return _scaled(np.fft.rfft(framed * _WINDOW, axis=1))


def _scaled(spectrum: NDArray[np.complex128]) -> tuple[Grid, Grid]:
    decibels = 20 * np.log10(np.maximum(np.abs(spectrum) * _AT_32_KHZ, 10 ** (_LOWEST_DB / 20)))
    scaled = ((decibels - _LOWEST_DB) / (_HEADROOM_DB - _LOWEST_DB)).astype(np.float32)
    sums = scaled.sum(axis=1)
    return scaled[:, :_BINS], (sums > _LOUD_SHARE * sums.max()).astype(np.float32)


def _stretched(frames: Grid, loud: Grid, speed: float) -> tuple[Grid, Grid]:
    """Resample time: frames linearly from end to end, the mask by the nearest frame before."""
    count = int(len(frames) * speed)
    at = np.linspace(0, len(frames) - 1, count)
    before = np.minimum(at.astype(np.int64), len(frames) - 2)
    share = (at - before)[:, None].astype(np.float32)
    mixed = frames[before] * (1 - share) + frames[before + 1] * share
    return mixed, loud[np.arange(count) * len(frames) // count]


def _convolved(frames: Grid, layer: _Layer) -> Grid:
    if layer.width > 1:
        padded = np.pad(frames, ((layer.width // 2, layer.width // 2), (0, 0)))
        frames = sliding_window_view(padded, layer.width, axis=0).reshape(len(frames), -1)  # (frames, inputs * width)
    return np.asarray(frames @ layer.weights + layer.bias)


def _layers(state: Mapping[str, torch.Tensor], prefix: str) -> list[_Layer]:
    names = [n for n in state if n.startswith(prefix) and n.endswith("weight")]
    return [_layer(state[n].numpy(), state[n.replace("weight", "bias")].numpy()) for n in names]


def _layer(weights: Grid, bias: Grid) -> _Layer:
    outputs, _, width = weights.shape
    return _Layer(np.ascontiguousarray(weights.reshape(outputs, -1).T), bias, width)
