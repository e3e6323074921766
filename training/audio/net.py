"""The network: three views of the spectrum, Whisper's convolutions on one of them, a time-delay network, attentive pooling.

Whisper's convolutions (OpenAI, MIT) stay as they are: their output keeps what vocoders leave, its later layers forget it. The rest
is an ECAPA-TDNN made small (Desplanques et al. 2020), trained from nothing.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.audio.spectra import BINS, MEL_BANDS, OWN_SHARE, Linear, ShortTimeSpectrum, Spectrum, Views
from training.audio.whisper_weights import read_encoder

STEM_WIDTH = 512  # Whisper base
GROUPS = 4
DILATIONS = (1, 2, 3)
POOLED = 384
ATTENTION = 96
EMBEDDING = 96
TAPS = 5
_EDGES = (
    slice(2, TAPS),
    slice(0, TAPS),
    slice(0, TAPS - 1),
)  # taps inside an even number of frames, every second taken


class Block(nn.Module):
    """A residual time-delay layer with squeeze and excitation: (batch, width, frames) -> the same."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.c1, self.n1 = nn.Conv1d(width, width, 1), nn.BatchNorm1d(width)
        self.c2 = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, groups=GROUPS)
        self.n2 = nn.BatchNorm1d(width)
        self.c3, self.n3 = nn.Conv1d(width, width, 1), nn.BatchNorm1d(width)
        self.se1, self.se2 = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.n1(self.c1(x)))
        y = self.n3(self.c3(functional.relu(self.n2(self.c2(y)))))
        gate = torch.sigmoid(self.se2(functional.relu(self.se1(y.mean(dim=2)))))
        return functional.relu(x + y * gate[:, :, None])


class Detector(nn.Module):
    """Spectrum of a window to logit (batch,), embedding (batch, EMBEDDING) and pooled states (batch, 2 * POOLED).

    `listen` takes samples instead.
    """

    def __init__(self, *, width: int, dropout: float) -> None:
        super().__init__()
        self.spectrum, self.views = ShortTimeSpectrum(), Views()
        self.conv1 = nn.Conv1d(MEL_BANDS, STEM_WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(STEM_WIDTH, STEM_WIDTH, 3, stride=2, padding=1)
        self.mn = nn.BatchNorm1d(STEM_WIDTH)
        self.lin, self.ln = nn.Conv1d(2 * BINS, width, TAPS, stride=2, padding=TAPS // 2), nn.BatchNorm1d(width)
        self.ph, self.pn = nn.Conv1d(BINS, width // 2, 5, stride=2, padding=2), nn.BatchNorm1d(width // 2)
        self.inp, self.inn = nn.Conv1d(STEM_WIDTH + width + width // 2, width, 1), nn.BatchNorm1d(width)
        self.blocks = nn.ModuleList(Block(width, d) for d in DILATIONS)
        self.mfa = nn.Conv1d(width * (len(DILATIONS) + 1), POOLED, 1)
        self.att1, self.att2 = nn.Conv1d(POOLED, ATTENTION, 1), nn.Conv1d(ATTENTION, POOLED, 1)
        self.bn, self.drop = nn.BatchNorm1d(2 * POOLED), nn.Dropout(dropout)
        self.fc, self.out = nn.Linear(2 * POOLED, EMBEDDING), nn.Linear(EMBEDDING, 1)

    def listen(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Samples (batch, n) -> logit, embedding, pooled."""
        result: tuple[Tensor, Tensor, Tensor] = self(self.spectrum(samples))
        return result

    def forward(self, spectrum: Spectrum) -> tuple[Tensor, Tensor, Tensor]:
        x = functional.relu(self.inn(self.inp(self._stems(spectrum))))
        states = [x]
        for block in self.blocks:
            x = block(x)
            states.append(x)
        pooled = self.bn(self._pool(functional.relu(self.mfa(torch.cat(states, dim=1))).float()))
        embedding = functional.relu(self.fc(self.drop(pooled))).float()
        return self.out(embedding)[:, 0].float(), embedding, pooled

    def _stems(self, spectrum: Spectrum) -> Tensor:
        """Return what each view became, at half the frame rate: (batch, channels, frames / 2)."""
        with torch.autocast("cpu", enabled=False):  # powers span more than bfloat16 can tell apart
            mel, linear, phase = self.views(spectrum)
        stem = functional.gelu(self.conv2(functional.gelu(self.conv1(mel))))
        parts = [
            self.mn(stem),
            functional.relu(self.ln(self._linear(linear))),
            functional.relu(self.pn(self.ph(phase))),
        ]
        return torch.cat(parts, dim=1)

    def _linear(self, linear: Linear) -> Tensor:
        """Return `lin` of every bin against the window's level and against its own mean, (batch, width, frames / 2).

        The two differ by what stands still, so one convolution hears both, and what stands still is added; at the edges some
        taps hear nothing.
        """
        own, mean = linear
        by_level, by_own = self.lin.weight.chunk(2, dim=1)
        heard = functional.conv1d(own, by_own + OWN_SHARE * by_level, self.lin.bias, stride=2, padding=TAPS // 2)
        still = torch.einsum("oik,bi->bok", by_level, mean[:, :, 0])
        first, middle, last = (still[:, :, taps].sum(dim=2, keepdim=True) for taps in _EDGES)
        return heard + torch.cat([first, middle.expand(-1, -1, heard.shape[2] - 2), last], dim=2)

    def _pool(self, x: Tensor) -> Tensor:
        """Attentive mean and deviation over time: (batch, POOLED, frames) -> (batch, 2 * POOLED)."""
        weight = torch.softmax(self.att2(torch.tanh(self.att1(x))).float(), dim=2)
        mean = (weight * x).sum(dim=2)
        return torch.cat([mean, torch.sqrt(((weight * x * x).sum(dim=2) - mean * mean).clamp(min=1e-4))], dim=1)

    def stem(self) -> list[nn.Parameter]:
        """Return Whisper's part."""
        return [*self.conv1.parameters(), *self.conv2.parameters()]


def load_stem(net: Detector, path: Path) -> None:
    """Fill the convolutions from a CTranslate2 model.bin of Whisper base, and keep them from changing."""
    tensors = {name: torch.from_numpy(value.copy()).float() for name, value in read_encoder(path).items()}
    for number, layer in ((1, net.conv1), (2, net.conv2)):
        for part in ("weight", "bias"):
            parameter: nn.Parameter = getattr(layer, part)
            parameter.data.copy_(tensors[f"encoder/conv{number}/{part}"].reshape(parameter.shape))
    for parameter in net.stem():
        parameter.requires_grad_(False)
