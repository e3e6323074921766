"""Train the audio network: python -m training.audio.train --config training/audio/configs/tdnn.toml --whisper MODEL.bin

Reads the windows that training.audio.views made. Writes runs/<name>/: config.toml, log.txt, last.pt (weights, optimiser and step: a
cut off run goes on from it) and mean.pt (weights averaged over the last steps, which are exported). Runs to the last step of the
config or to --minutes; the learning rate follows the nearer one.
"""

from __future__ import annotations

import argparse
import math
import shutil
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from forensics.media.audio import SAMPLE_RATE_HZ
from training.audio.batches import GROUP, PER_LABEL, Pool, load_pool
from training.audio.data import Clip, load_clips
from training.audio.evaluate import clip_scores, matched, page_auc, unseen
from training.audio.net import Detector, load_stem
from training.audio.plane_net import PlaneDetector
from training.audio.spectral_augment import damaged
from training.audio.views import INT16, open_view
from training.metrics import auc

SMALLEST_RATE = 0.01  # of the first
REMEMBERED = 0.995  # of the averaged weights, from step to step
Voice = Detector | PlaneDetector


@dataclass(frozen=True)
class Config:
    """One training run; `rank` weighs the loss on pairs of one page, `smooth` moves labels towards one half."""

    name: str
    seed: int
    threads: int
    width: int
    dropout: float
    views: list[str]
    batch: int
    seconds: float
    steps: int
    warmup: int
    rate: float
    decay: float
    smooth: float
    rank: float
    check: int
    kind: str = "tdnn"  # or "plane"
    start: str = ""  # the run whose averaged weights it begins with


def read_config(path: Path) -> Config:
    """Read a run's config.toml."""
    return Config(**tomllib.loads(path.read_text()))


def build(config: Config) -> Voice:
    """Return the network of a configuration, not trained."""
    if config.kind == "plane":
        return PlaneDetector(dropout=config.dropout)
    return Detector(width=config.width, dropout=config.dropout)


def loss_of(logits: Tensor, labels: Tensor, *, smooth: float, rank: float) -> Tensor:
    """Return cross-entropy, and how far fakes stay below recordings of their own page (pairwise logistic loss)."""
    target = labels * (1 - 2 * smooth) + smooth
    groups = logits.view(-1, 2, PER_LABEL)
    margins = groups[:, 1, :, None] - groups[:, 0, None, :]
    loss = functional.binary_cross_entropy_with_logits(logits, target) + rank * functional.softplus(-margins).mean()
    return loss


@torch.no_grad()
def window_logits(net: Voice, windows: NDArray[np.int16], rows: list[int]) -> NDArray[np.float64]:
    """Return the logits of some rows."""
    net.eval()
    parts = []
    for first in range(0, len(rows), 32):
        samples = torch.from_numpy(windows[rows[first : first + 32]].astype(np.float32) / INT16)
        with torch.autocast("cpu", torch.bfloat16):
            parts.append(net.listen(samples)[0].float().numpy())
    return np.concatenate(parts).astype(np.float64)


def dev_line(net: Voice, clips: Mapping[str, Clip], systems: frozenset[str]) -> str:
    """Return the AUC on unseen systems of matched dev pages: over all, and the mean within a page."""
    paths, windows = open_view("dev", "clean")
    known = [p if p in clips and clips[p].part == "dev" else "" for p in paths]
    first = [i for i, p in enumerate(known) if p and p not in known[max(i - 3, 0) : i]]
    members = [clips[known[i]] for i in first]
    kept = matched(members) & unseen(members, set(systems))
    rows = [i for i, keep in zip(first, kept, strict=True) if keep]
    scored, scores = clip_scores([known[i] for i in rows], window_logits(net, windows, rows), clips)
    labels = np.array([c.label for c in scored])
    everything = np.ones(len(scored), dtype=np.bool_)
    return f"dev AUC {auc(scores, labels):.3f}, within a page {page_auc(scored, scores, everything):.3f}"


def fit(net: Voice, pool: Pool, clips: Mapping[str, Clip], config: Config, run: Path, *, minutes: float) -> None:
    """Train from where runs/<name>/last.pt stands to the last step or the deadline."""
    optimizer = torch.optim.AdamW(
        [p for p in net.parameters() if p.requires_grad], config.rate, weight_decay=config.decay
    )
    step = restore(net, optimizer, run / "last.pt")
    mean = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(REMEMBERED), use_buffers=True)
    rng = np.random.default_rng([config.seed, step])
    started, first, losses = time.monotonic(), step, list[float]()
    samples = round(config.seconds * SAMPLE_RATE_HZ)
    over = False
    while step < config.steps and not over:
        spent = (time.monotonic() - started) / (60 * minutes)
        late = min(1.0, max(step / config.steps, spent))
        rate = config.rate * max(SMALLEST_RATE, 0.5 * (1 + math.cos(math.pi * late)))
        optimizer.param_groups[0]["lr"] = rate * min(1.0, (step - first + 1) / config.warmup)
        windows, labels = pool.draw(rng, size=config.batch // GROUP * GROUP, samples=samples)
        losses.append(update(net, optimizer, torch.from_numpy(windows), torch.from_numpy(labels), config))
        mean.update_parameters(net)
        step += 1
        over = spent >= 1
        if step % config.check == 0 or step == config.steps or over:
            torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, run / "last.pt")
            torch.save({"net": mean.module.state_dict(), "step": step}, run / "mean.pt")
            recent, seconds = np.mean(losses[-config.check :]), time.monotonic() - started
            line = f"step {step} loss {recent:.3f} {dev_line(mean.module, clips, pool.systems)} {seconds:.0f} s"
            print(line, flush=True)
            with (run / "log.txt").open("a") as log:
                log.write(line + "\n")


def update(net: Voice, optimizer: torch.optim.Optimizer, windows: Tensor, labels: Tensor, config: Config) -> float:
    """Take one step and return its loss."""
    net.train()
    with torch.no_grad():
        spectrum = damaged(net.spectrum(windows))
    with torch.autocast("cpu", torch.bfloat16):  # twice as fast where the processor has it
        logits, _, _ = net(spectrum)
    loss = loss_of(logits.float(), labels, smooth=config.smooth, rank=config.rank)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
    optimizer.step()
    return float(loss.detach())


def restore(net: Voice, optimizer: torch.optim.Optimizer, path: Path) -> int:
    """Fill network and optimiser from a checkpoint and return its step; 0 when there is none."""
    if not path.is_file():
        return 0
    state: dict[str, Any] = torch.load(path)
    net.load_state_dict(state["net"])
    if state.get("optimizer"):
        optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, help="needed by the kind tdnn")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after this long, whatever the config says")
    args = parser.parse_args()
    config = read_config(args.config)
    run = args.runs / config.name
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.config, run / "config.toml")
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    clips = {str(c.path): c for c in load_clips()}
    pool = load_pool(config.views, clips)
    print(
        f"{len(pool.places)} windows, {len(pool.pages)} pages with both labels, {len(pool.systems)} systems", flush=True
    )
    net = build(config)
    if isinstance(net, Detector):
        load_stem(net, args.whisper)
    if config.start:
        net.load_state_dict(torch.load(args.runs / config.start / "mean.pt")["net"])
    fit(net, pool, clips, config, run, minutes=args.minutes)


if __name__ == "__main__":
    main()
