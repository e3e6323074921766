"""A small network on all figures of a window: a few members from different beginnings, averaged (training.audio.train)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.audio.batches import PER_LABEL

LARGEST = 4.0  # deviations from the mean
CONFIG = Path(__file__).with_name("configs") / "figures.toml"


@dataclass(frozen=True)
class Config:
    """One training run; `hidden_inputs` and `hidden` are dropout's shares, `rank` weighs pairs of one page."""

    name: str
    seed: int
    members: int
    width: int
    narrow: int
    hidden_inputs: float
    hidden: float
    noise: float
    steps: int
    groups: int
    rate: float
    decay: float
    smooth: float
    rank: float


class FiguresNet(nn.Module):
    """Figures (batch, figures) -> logit (batch,), the mean of the members', and embedding (batch, members * narrow)."""

    def __init__(self, mean: Tensor, deviation: Tensor, config: Config) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.members = nn.ModuleList(member(len(mean), config) for _ in range(config.members))

    def forward(self, figures: Tensor) -> tuple[Tensor, Tensor]:
        scaled = self.scaled(figures)
        narrow = [member[:-1](scaled) for member in self.members]
        logits = [member[-1](part)[:, 0] for member, part in zip(self.members, narrow, strict=True)]
        return torch.stack(logits).mean(dim=0), torch.cat(narrow, dim=1)

    def scaled(self, figures: Tensor) -> Tensor:
        """Return figures in deviations from the mean of training, LARGEST at most."""
        return ((figures - self.mean) / self.deviation).clamp(-LARGEST, LARGEST)


def member(figures: int, config: Config) -> nn.Sequential:
    """Return one network, not trained: scaled figures (batch, figures) -> logit (batch, 1)."""
    return nn.Sequential(
        *(nn.Dropout(config.hidden_inputs), nn.Linear(figures, config.width), nn.BatchNorm1d(config.width), nn.ReLU()),
        *(nn.Dropout(config.hidden), nn.Linear(config.width, config.narrow), nn.BatchNorm1d(config.narrow), nn.ReLU()),
        *(nn.Dropout(config.hidden), nn.Linear(config.narrow, 1)),
    )


def loss_of(logits: Tensor, labels: Tensor, *, smooth: float, rank: float) -> Tensor:
    """Return cross-entropy, and how far fakes stay below recordings of their own page (pairwise logistic loss)."""
    target = labels * (1 - 2 * smooth) + smooth
    groups = logits.view(-1, 2, PER_LABEL)
    margins = groups[:, 1, :, None] - groups[:, 0, None, :]
    return functional.binary_cross_entropy_with_logits(logits, target) + rank * functional.softplus(-margins).mean()


def read_config(path: Path) -> Config:
    """Read a run's configuration."""
    return Config(**tomllib.loads(path.read_text()))


def load_figures_net(run: Path) -> FiguresNet:
    """Return the trained members of a run as one network."""
    config = read_config(run / "config.toml")
    states = [torch.load(run / f"member-{number}.pt") for number in range(config.members)]
    net = FiguresNet(states[0]["mean"], states[0]["deviation"], config)
    for part, state in zip(net.members, states, strict=True):
        part.load_state_dict(state["member"])
    return net.eval()
