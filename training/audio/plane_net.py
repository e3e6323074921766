"""The second network: two-dimensional convolutions over every linear bin (Res2Net made small), and two ways to pool what they see.

The first network mixes all bins at once and looks along time; this one looks at small patches of the plane of bins and frames,
where a vocoder's patterns repeat. It was tried and is not served. Its logit is the mean of two heads: attentive pooling over time,
and attention between the nodes of a graph (bands and moments with a node that hears all, as in AASIST: Jung et al. 2022).
Res2Net: Gao et al. 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.audio.spectra import BINS, OWN_SHARE, ShortTimeSpectrum, Spectrum, linear_views, phase_regularity

PLANES = 3
STEM, MIDDLE, WIDTH = 32, 64, 128
SPLITS = 4
BANDS = (BINS - 1) // 8  # rows that are left of the bins
POOLED, ATTENTION, EMBEDDING, NODE = 192, 64, 64, 64


class Res2Block(nn.Module):
    """A residual block whose 3x3 convolutions go from split to split: (batch, width, bands, frames) -> the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        part = width // SPLITS
        self.c1, self.n1 = nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width)
        self.parts = nn.ModuleList(_conv(part, part, 3) for _ in range(SPLITS - 1))
        self.c2, self.n2 = nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width)
        self.se1, self.se2 = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        splits = functional.relu(self.n1(self.c1(x))).chunk(SPLITS, dim=1)
        kept = [splits[0]]
        for split, part in zip(splits[1:], self.parts, strict=True):
            kept.append(part(split if len(kept) == 1 else split + kept[-1]))
        y = self.n2(self.c2(torch.cat(kept, dim=1)))
        gate = torch.sigmoid(self.se2(functional.relu(self.se1(y.mean(dim=(2, 3))))))
        return functional.relu(x + y * gate[:, :, None, None])


class GraphAttention(nn.Module):
    """Nodes (batch, n, NODE) -> the same: each takes from the others what their products with it weigh."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.weigh = nn.Linear(NODE, NODE), nn.Linear(NODE, 1)
        self.taken, self.kept, self.norm = nn.Linear(NODE, NODE), nn.Linear(NODE, NODE), nn.LayerNorm(NODE)

    def forward(self, nodes: Tensor) -> Tensor:
        pairs = torch.tanh(self.pair(nodes[:, :, None] * nodes[:, None]))
        weights = torch.softmax(self.weigh(pairs)[..., 0].float(), dim=2)
        result: Tensor = self.norm(nodes + functional.relu(self.taken(weights @ nodes.float()) + self.kept(nodes)))
        return result


class GraphHead(nn.Module):
    """Plane (batch, WIDTH, BANDS, frames) -> logit (batch,)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.into = nn.Linear(WIDTH, NODE)
        self.place = nn.Parameter(0.1 * torch.randn(1, BANDS, NODE))
        self.master = nn.Parameter(0.1 * torch.randn(1, 1, NODE))
        self.attend = GraphAttention()
        self.drop, self.out = nn.Dropout(dropout), nn.Linear(5 * NODE, 1)

    def forward(self, x: Tensor) -> Tensor:
        bands = self.into(x.amax(dim=3).transpose(1, 2)) + self.place
        moments = self.into(x.mean(dim=2).transpose(1, 2))
        master = torch.zeros_like(bands[:, :1]) + self.master  # the exported batch stays free
        nodes = self.attend(torch.cat([bands, moments, master], dim=1).float()).float()
        bands, moments, master = nodes[:, :BANDS], nodes[:, BANDS:-1], nodes[:, -1]
        read = [bands.mean(dim=1), bands.amax(dim=1), moments.mean(dim=1), moments.amax(dim=1), master]
        logits: Tensor = self.out(self.drop(torch.cat(read, dim=1)))
        return logits[:, 0].float()


class PlaneDetector(nn.Module):
    """Spectrum of a window to logit (batch,), embedding (batch, EMBEDDING) and pooled states (batch, 2 * POOLED)."""

    def __init__(self, *, dropout: float) -> None:
        super().__init__()
        self.spectrum = ShortTimeSpectrum()
        self.gain = nn.Parameter(torch.ones(1, PLANES, BINS - 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, PLANES, BINS - 1, 1))
        self.trunk = nn.Sequential(
            _conv(PLANES, STEM, (5, 7), stride=(2, 4)),
            _conv(STEM, MIDDLE, 3, stride=(2, 2)),
            Res2Block(MIDDLE),
            _conv(MIDDLE, WIDTH, 3, stride=(2, 2)),
            Res2Block(WIDTH),
            Res2Block(WIDTH),
        )
        self.flat = nn.Conv1d(WIDTH * BANDS, POOLED, 1)
        self.fn = nn.BatchNorm1d(POOLED)
        self.att1, self.att2 = nn.Conv1d(POOLED, ATTENTION, 1), nn.Conv1d(ATTENTION, POOLED, 1)
        self.bn, self.drop = nn.BatchNorm1d(2 * POOLED), nn.Dropout(dropout)
        self.fc, self.out = nn.Linear(2 * POOLED, EMBEDDING), nn.Linear(EMBEDDING, 1)
        self.graph = GraphHead(dropout)

    def listen(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Samples (batch, n) -> logit, embedding, pooled."""
        result: tuple[Tensor, Tensor, Tensor] = self(self.spectrum(samples))
        return result

    def forward(self, spectrum: Spectrum) -> tuple[Tensor, Tensor, Tensor]:
        by_time, by_graph, embedding, pooled = self.heads(spectrum)
        return (by_time + by_graph) / 2, embedding, pooled

    def heads(self, spectrum: Spectrum) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the logit of each head, then embedding and pooled states."""
        with torch.autocast("cpu", enabled=False):  # powers span more than bfloat16 can tell apart
            planes = self._planes(spectrum)
        x = self.trunk(planes)  # (batch, WIDTH, BANDS, frames / 16)
        pooled = self.bn(self._pool(functional.relu(self.fn(self.flat(self.drop(x.flatten(1, 2)))))))
        embedding = functional.relu(self.fc(self.drop(pooled))).float()
        return self.out(embedding)[:, 0].float(), self.graph(x), embedding, pooled

    def _planes(self, spectrum: Spectrum) -> Tensor:
        """Level of every bin but the first in two ways and the regularity of its phase, with each bin's own gain and bias."""
        power = spectrum[0] ** 2 + spectrum[1] ** 2
        own, mean = linear_views(power)
        planes = torch.stack([own * OWN_SHARE + mean, own, phase_regularity(spectrum, power)], dim=1)[:, :, 1:]
        return planes * self.gain + self.bias

    def _pool(self, x: Tensor) -> Tensor:
        """Attentive mean and deviation over time: (batch, POOLED, frames) -> (batch, 2 * POOLED)."""
        x = x.float()
        weight = torch.softmax(self.att2(torch.tanh(self.att1(x))).float(), dim=2)
        mean = (weight * x).sum(dim=2)
        return torch.cat([mean, torch.sqrt(((weight * x * x).sum(dim=2) - mean * mean).clamp(min=1e-4))], dim=1)


def _conv(inputs: int, outputs: int, size: int | tuple[int, int], stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    """A padded convolution, normalised and rectified."""
    high, wide = (size, size) if isinstance(size, int) else size
    layer = nn.Conv2d(inputs, outputs, (high, wide), stride=stride, padding=(high // 2, wide // 2), bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())
