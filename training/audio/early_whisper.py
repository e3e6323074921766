"""Whisper's log-mel front end and first layers, frozen; the convolutions are part of what is served (training.audio.channels)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from forensics.media.speech import WINDOW_SAMPLES
from training.audio.mel import mel_filters
from training.audio.spectra import FFT, HOP, Spectrum
from training.audio.whisper_weights import read_encoder

BANDS = 80
FRAMES = WINDOW_SAMPLES // HOP // 2  # after the strided convolution
DYNAMIC_RANGE = 8.0  # decades below the loudest cell, as in whisper/audio.py


class LogMel(nn.Module):
    """Whisper's log-mel spectrogram: Spectrum -> (batch, BANDS, frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", torch.from_numpy(mel_filters(bands=BANDS, fft_size=FFT)))

    def forward(self, spectrum: Spectrum) -> Tensor:
        log = torch.log10((self.filters @ (spectrum[0] ** 2 + spectrum[1] ** 2)).clamp(min=1e-10))
        top = log.amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(log, top - DYNAMIC_RANGE) + 4.0) / 4.0


class Block(nn.Module):
    """One pre-norm transformer layer as in whisper/model.py."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, frames, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, frames, width))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class EarlyWhisper(nn.Module):
    """The first layers: Spectrum -> states, one per stage, each (batch, FRAMES, width)."""

    def __init__(self, width: int, *, layers: int) -> None:
        super().__init__()
        self.mel = LogMel()
        self.conv1 = nn.Conv1d(BANDS, width, 3, padding=1)
        self.conv2: nn.Module = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(FRAMES, width))
        self.blocks = nn.ModuleList(Block(width, width // 64) for _ in range(layers))

    def forward(self, spectrum: Spectrum) -> list[Tensor]:
        states = [functional.gelu(self.conv2(self.inner(spectrum))).transpose(1, 2)]
        x = states[0] + self.positions[: states[0].shape[1]]
        for block in self.blocks:
            x = block(x)
            states.append(x)
        return states

    def inner(self, spectrum: Spectrum) -> Tensor:
        """Return what the first convolution says: (batch, width, frames)."""
        return functional.gelu(self.conv1(self.mel(spectrum)))


def pooled(states: list[Tensor]) -> Tensor:
    """Return mean, deviation and mean absolute first difference over time of every stage: (batch, 3 * stages * width)."""
    parts = []
    for state in (s.float() for s in states):
        mean = state.mean(dim=1)
        deviation = torch.sqrt(((state - mean[:, None]) ** 2).mean(dim=1) + 1e-6)
        parts += [mean, deviation, (state[:, 1:] - state[:, :-1]).abs().mean(dim=1)]
    return torch.cat(parts, dim=1)


def load_whisper(encoder: EarlyWhisper, path: Path) -> None:
    """Fill the layers from a CTranslate2 model.bin of the same width."""
    tensors = {name: torch.from_numpy(value.copy()) for name, value in read_encoder(path).items()}
    state = {f"conv{n}.{part}": tensors[f"encoder/conv{n}/{part}"] for n in (1, 2) for part in ("weight", "bias")}
    state["positions"] = tensors["encoder/position_encodings/encodings"][:FRAMES]
    names = {
        "norm1": "self_attention/layer_norm", "qkv": "self_attention/linear_0", "out": "self_attention/linear_1",
        "norm2": "ffn/layer_norm", "up": "ffn/linear_0", "down": "ffn/linear_1",
    }  # fmt: skip
    for index in range(len(encoder.blocks)):
        for ours, theirs in names.items():
            parts = ("gamma", "beta") if "norm" in ours else ("weight", "bias")
            for mine, their in zip(("weight", "bias"), parts, strict=True):
                state[f"blocks.{index}.{ours}.{mine}"] = tensors[f"encoder/layer_{index}/{theirs}/{their}"]
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    if unexpected or set(missing) != {"mel.filters"}:
        raise ValueError(f"weights do not fit: {missing} {unexpected}")
