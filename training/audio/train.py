"""Train the network on figures: python -m training.audio.train [--config training/audio/configs/figures.toml]

A batch is made of groups of one page, and beside cross-entropy every fake is held against the recordings of its group: that tells
which figures differ when page and channel do not. Reads all training views there are; WHISPER names the model.bin of Whisper base.
Each member takes minutes, is kept in <runs>/<name>/ and not trained again, so a cut off run goes on with the next.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.audio.batches import PER_LABEL, Pool, load_pool
from training.audio.data import load_clips
from training.audio.figures import all_figures, training_views
from training.audio.figures_net import CONFIG, LARGEST, Config, loss_of, member, read_config

REPORT_EVERY = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--members", type=int, nargs="+", help="train some, for several processes; without it all")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = read_config(args.config)
    run = args.runs / config.name
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.config, run / "config.toml")
    views = training_views()
    pool = load_pool(views, {str(c.path): c for c in load_clips()})
    print(f"{len(pool.places)} windows of views {', '.join(views)}, {len(pool.systems)} systems", flush=True)
    figures = pooled_figures(pool, views)
    mean, deviation = figures.mean(dim=0), figures.std(dim=0) + 1e-6
    figures -= mean
    figures /= deviation
    figures.clamp_(-LARGEST, LARGEST)
    for number in args.members or range(config.members):
        if not (path := run / f"member-{number}.pt").is_file():
            torch.manual_seed(config.seed + number)
            net = member(figures.shape[1], config)
            fit(net, figures, pool, config, number)
            torch.save({"mean": mean, "deviation": deviation, "member": net.state_dict()}, path)


def pooled_figures(pool: Pool, views: Sequence[str]) -> Tensor:
    """Return the figures of the pool's rows, one view after the other: (rows, figures)."""
    parts = []
    for number, view in enumerate(views):
        rows = pool.places[pool.places[:, 0] == number, 1]
        parts.append(torch.from_numpy(all_figures("train", view)[1][rows]))
    return torch.cat(parts)


def fit(net: nn.Module, figures: Tensor, pool: Pool, config: Config, number: int) -> None:
    """Train one member on scaled figures (rows, figures), told apart by its number."""
    rng = np.random.default_rng(config.seed + number)
    labels = torch.tensor([0.0, 1.0]).repeat_interleave(PER_LABEL).repeat(config.groups)
    optimizer = torch.optim.AdamW(net.parameters(), config.rate, weight_decay=config.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, config.steps)
    sums = [[(rows, np.cumsum(chances)) for rows, chances in page] for page in pool.pages]
    for step in range(1, config.steps + 1):
        seen = figures[drawn(sums, pool.chances, rng, groups=config.groups)]
        logits = net(seen + config.noise * torch.randn_like(seen))[:, 0]
        loss = loss_of(logits, labels, smooth=config.smooth, rank=config.rank)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % REPORT_EVERY == 0:
            print(f"member {number}: step {step} of {config.steps}, loss {float(loss.detach()):.3f}", flush=True)


def drawn(
    pages: Sequence[Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]],
    chances: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    groups: int,
) -> NDArray[np.int64]:
    """Return rows of some groups: PER_LABEL recordings and as many fakes of one page each; `pages` hold rows and summed chances."""
    chosen = [
        rows[np.searchsorted(sums, rng.random(PER_LABEL) * sums[-1], side="right").clip(max=len(rows) - 1)]
        for page in rng.choice(len(pages), groups, p=chances)
        for rows, sums in pages[page]
    ]
    return np.concatenate(chosen)


if __name__ == "__main__":
    main()
