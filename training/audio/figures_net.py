"""A small network on all figures of a window: python -m training.audio.figures_net --runs runs

A batch is made of groups of one page, and beside cross-entropy every fake is held against the recordings of its group: that tells
which figures differ when page and channel do not. A few networks from different beginnings are averaged. Each takes minutes, is
kept under <runs>/audio-figures/ and not trained again; all cost next to nothing where they serve.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.audio.batches import PER_LABEL, Pool, load_pool
from training.audio.data import load_clips
from training.audio.figures import all_figures, training_views

RUN = "audio-figures"
MEMBERS, STEPS, GROUPS = 3, 4000, 64
WIDTH, NARROW = 512, 64
HIDDEN_INPUTS, HIDDEN, NOISE = 0.2, 0.5, 0.1  # shares that dropout hides, and deviations added
LARGEST = 4.0  # deviations from the mean
RATE, DECAY, SMOOTH, RANK = 0.002, 0.1, 0.03, 0.5
REPORT_EVERY = 500
Floats = NDArray[np.float32]


class FiguresNet(nn.Module):
    """Figures (batch, width) -> logit (batch,), the mean of the members', and embedding (batch, MEMBERS * NARROW)."""

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.members = nn.ModuleList(_member(len(mean)) for _ in range(MEMBERS))

    def forward(self, figures: Tensor) -> tuple[Tensor, Tensor]:
        scaled = self.scaled(figures)
        narrow = [member[:-1](scaled) for member in self.members]
        logits = [member[-1](part)[:, 0] for member, part in zip(self.members, narrow, strict=True)]
        return torch.stack(logits).mean(dim=0), torch.cat(narrow, dim=1)

    def scaled(self, figures: Tensor) -> Tensor:
        """Return figures in deviations from the mean of training, LARGEST at most."""
        return ((figures - self.mean) / self.deviation).clamp(-LARGEST, LARGEST)


def _member(width: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Dropout(HIDDEN_INPUTS), nn.Linear(width, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU()),
        *(nn.Dropout(HIDDEN), nn.Linear(WIDTH, NARROW), nn.BatchNorm1d(NARROW), nn.ReLU()),
        *(nn.Dropout(HIDDEN), nn.Linear(NARROW, 1)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--members", type=int, nargs="+", default=range(MEMBERS), help="train some, for several processes"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folder = args.runs / RUN
    folder.mkdir(parents=True, exist_ok=True)
    views = training_views()
    pool = load_pool(views, {str(c.path): c for c in load_clips()})
    print(f"{len(pool.places)} windows of views {', '.join(views)}, {len(pool.systems)} systems", flush=True)
    figures = _figures(pool, views)
    mean, deviation = figures.mean(dim=0), figures.std(dim=0) + 1e-6
    figures -= mean
    figures /= deviation
    figures.clamp_(-LARGEST, LARGEST)
    for number in args.members:
        if not (path := folder / f"member-{number}.pt").is_file():
            torch.manual_seed(number)
            member = _member(figures.shape[1])
            _train(member, figures, pool, np.random.default_rng(number))
            torch.save({"mean": mean, "deviation": deviation, "member": member.state_dict()}, path)


def loss_of(logits: Tensor, labels: Tensor, *, smooth: float = SMOOTH, rank: float = RANK) -> Tensor:
    """Return cross-entropy, and how far fakes stay below recordings of their own page (pairwise logistic loss)."""
    target = labels * (1 - 2 * smooth) + smooth
    groups = logits.view(-1, 2, PER_LABEL)
    margins = groups[:, 1, :, None] - groups[:, 0, None, :]
    return functional.binary_cross_entropy_with_logits(logits, target) + rank * functional.softplus(-margins).mean()


def load_figures_net(runs: Path) -> FiguresNet:
    """Return the trained members as one network."""
    states = [torch.load(runs / RUN / f"member-{number}.pt") for number in range(MEMBERS)]
    net = FiguresNet(states[0]["mean"], states[0]["deviation"])
    for member, state in zip(net.members, states, strict=True):
        member.load_state_dict(state["member"])
    return net.eval()


def _figures(pool: Pool, views: Sequence[str]) -> Tensor:
    """Return the figures of the pool's rows, one view after the other: (rows, width)."""
    parts = []
    for number, view in enumerate(views):
        rows = pool.places[pool.places[:, 0] == number, 1]
        parts.append(torch.from_numpy(all_figures("train", view)[1][rows]))
    return torch.cat(parts)


def _train(member: nn.Module, figures: Tensor, pool: Pool, rng: np.random.Generator) -> None:
    labels = torch.tensor([0.0, 1.0]).repeat_interleave(PER_LABEL).repeat(GROUPS)
    optimizer = torch.optim.AdamW(member.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    sums = [[(rows, np.cumsum(chances)) for rows, chances in page] for page in pool.pages]
    for step in range(1, STEPS + 1):
        seen = figures[_drawn(sums, pool.chances, rng)]
        logits = member(seen + NOISE * torch.randn_like(seen))[:, 0]
        loss = loss_of(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % REPORT_EVERY == 0:
            print(f"step {step} of {STEPS}, loss {float(loss.detach()):.3f}", flush=True)


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


if __name__ == "__main__":
    main()
