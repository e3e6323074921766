"""A small network on all figures of a window, taught as the first network is: fakes against recordings of their own page.

Trees take each window for itself; here the pairwise loss within a page's group tells which figures differ when page and channel
do not. A few networks from different beginnings are averaged. It takes minutes and costs nothing where it serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.audio.batches import PER_LABEL, Pool, load_pool
from training.audio.data import extra_dir, load_clips
from training.audio.frozen import Extract, features
from training.audio.grain import grain
from training.audio.textures import textures
from training.audio.train import loss_of

FIGURES: dict[str, Extract] = {"textures": textures, "grain": grain}
MEMBERS, STEPS, GROUPS = 3, 4000, 64
WIDTH, NARROW = 512, 64
HIDDEN_INPUTS, HIDDEN, NOISE = 0.2, 0.5, 0.1  # shares that dropout hides, and deviations added
LARGEST = 4.0  # deviations from the mean
RATE, DECAY, SMOOTH, RANK = 0.002, 0.1, 0.03, 0.5
Floats = NDArray[np.float32]


class FiguresNet(nn.Module):
    """Figures (batch, width) -> logit (batch,), the mean of the members'."""

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.members = nn.ModuleList(_member(len(mean)) for _ in range(MEMBERS))

    def forward(self, figures: Tensor) -> Tensor:
        scaled = self.scaled(figures)
        return torch.stack([member(scaled)[:, 0] for member in self.members]).mean(dim=0)

    def scaled(self, figures: Tensor) -> Tensor:
        """Return figures in deviations from the mean of training, LARGEST at most."""
        return ((figures - self.mean) / self.deviation).clamp(-LARGEST, LARGEST)


def _member(width: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Dropout(HIDDEN_INPUTS), nn.Linear(width, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU()),
        *(nn.Dropout(HIDDEN), nn.Linear(WIDTH, NARROW), nn.BatchNorm1d(NARROW), nn.ReLU()),
        *(nn.Dropout(HIDDEN), nn.Linear(NARROW, 1)),
    )


def training_views() -> list[str]:
    """Return the names of all training views there are."""
    return sorted(folder.name.removeprefix("train-") for folder in (extra_dir() / "views").glob("train-*"))


def all_figures(part: str, view: str) -> tuple[list[str], Floats]:
    """Return the clip path of every row and its figures of all kinds, side by side."""
    found = [features(kind, extract, part, view) for kind, extract in FIGURES.items()]
    return found[0][0], np.concatenate([values for _, values in found], axis=1)


@cache
def fit_figures_net() -> FiguresNet:
    """Train every member on groups of one page, from all training views."""
    views = training_views()
    pool = load_pool(views, {str(c.path): c for c in load_clips()})
    tables = [all_figures("train", view)[1] for view in views]
    figures = np.concatenate([table[pool.places[pool.places[:, 0] == n, 1]] for n, table in enumerate(tables)])
    torch.manual_seed(0)
    net = FiguresNet(torch.from_numpy(figures.mean(axis=0)), torch.from_numpy(figures.std(axis=0) + 1e-6))
    scaled = net.scaled(torch.from_numpy(figures))
    for seed, member in enumerate(net.members):
        _train(member, scaled, pool, np.random.default_rng(seed))
    return net.eval()


def _train(member: nn.Module, figures: Tensor, pool: Pool, rng: np.random.Generator) -> None:
    labels = torch.tensor([0.0, 1.0]).repeat_interleave(PER_LABEL).repeat(GROUPS)
    optimizer = torch.optim.AdamW(member.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    sums = [[(rows, np.cumsum(chances)) for rows, chances in page] for page in pool.pages]
    for _ in range(STEPS):
        seen = figures[_drawn(sums, pool.chances, rng)]
        logits = member(seen + NOISE * torch.randn_like(seen))[:, 0]
        loss = loss_of(logits, labels, smooth=SMOOTH, rank=RANK)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _drawn(
    pages: Sequence[Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]],
    chances: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return rows of GROUPS groups: PER_LABEL recordings and as many fakes of one page each."""
    chosen = [
        rows[np.searchsorted(sums, rng.random(PER_LABEL) * sums[-1], side="right").clip(max=len(rows) - 1)]
        for page in rng.choice(len(pages), GROUPS, p=chances)
        for rows, sums in pages[page]
    ]
    return np.concatenate(chosen)
