"""Train the audio network: python -m training.audio.train --config training/audio/configs/early.toml --whisper MODEL.bin

Fine-tunes the first layers of a Whisper encoder on the windows that training.audio.views made. Writes
runs/<name>/: config.toml, best.pt (by AUC on the dev pages), last.pt, log.txt.
"""

from __future__ import annotations

import argparse
import shutil
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from forensics.media.audio import SAMPLE_RATE_HZ
from training.audio.data import Clip, load_clips, weights
from training.audio.lcnn import Lcnn
from training.audio.net import Detector, load_whisper
from training.audio.split import DEV_PAGES
from training.audio.views import INT16, open_view
from training.image.metrics import auc


@dataclass(frozen=True)
class Rows:
    """Windows of one or more views: where they lie and how likely each is drawn."""

    arrays: tuple[NDArray[np.int16], ...]
    places: NDArray[np.int64]  # (rows, 2): array, row
    labels: NDArray[np.float32]
    chances: NDArray[np.float64]

    def batch(self, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return windows (n, samples) and labels (n,)."""
        windows = np.stack([self.arrays[a][r] for a, r in self.places[chosen]]).astype(np.float32) / INT16
        return torch.from_numpy(windows), torch.from_numpy(self.labels[chosen])


def load_rows(views: list[str], clips: dict[str, Clip]) -> Rows:
    """Open the training views."""
    arrays, places, members = [], [], []
    for number, view in enumerate(views):
        paths, array = open_view("train", view)
        arrays.append(array)
        kept = [row for row, path in enumerate(paths) if path in clips and clips[path].part == "train"]
        places += [(number, row) for row in kept]
        members += [clips[paths[row]] for row in kept]
    labels = np.array([c.label for c in members], dtype=np.float32)
    return Rows(tuple(arrays), np.array(places), labels, weights(members))


def batches(rows: Rows, *, size: int, steps: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches drawn by weight, half of them fake."""
    for _ in range(steps):
        halves = []
        for label in (0, 1):
            chances = np.where(rows.labels == label, rows.chances, 0)
            halves.append(rng.choice(len(chances), size // 2, replace=False, p=chances / chances.sum()))
        yield rows.batch(np.concatenate(halves))


def mixed(windows: Tensor, rng: np.random.Generator, *, seconds: float, chance: float) -> Tensor:
    """Cut all windows to `seconds`, hide a random stretch of some and turn the sign of others; both labels alike."""
    length = round(seconds * SAMPLE_RATE_HZ)
    start = int(rng.integers(0, windows.shape[1] - length + 1))
    windows = windows[:, start : start + length].clone()
    for window in windows:
        if rng.random() < chance:
            first, hidden = int(rng.integers(0, window.numel())), int(rng.integers(1600, 12_000))
            window[first : first + hidden] = 0
    signs = torch.from_numpy(rng.choice((-1.0, 1.0), size=(len(windows), 1)).astype(np.float32))
    return windows * signs


@torch.no_grad()
def run(net: Detector | Lcnn, windows: NDArray[np.int16], rows: list[int]) -> NDArray[np.float64]:
    """Return the logits of some rows."""
    net.eval()
    steps = [rows[i : i + 16] for i in range(0, len(rows), 16)]
    logits = [net(torch.from_numpy(windows[step].astype(np.float32) / INT16))[0].numpy() for step in steps]
    return np.concatenate(logits).astype(np.float64)


def dev_auc(net: Detector | Lcnn, clips: dict[str, Clip]) -> float:
    """Return the AUC on the dev pages, clean, by the first window of each clip."""
    paths, windows = open_view("dev", "clean")
    first = [i for i, p in enumerate(paths) if p in clips and clips[p].page in DEV_PAGES and p not in paths[:i][-3:]]
    labels = np.array([clips[paths[i]].label for i in first])
    return auc(run(net, windows, first), labels)


def build(config: dict[str, Any], whisper: Path | None) -> Detector | Lcnn:
    """Make the network of a configuration, filled from the Whisper file when there is one."""
    if config.get("kind") == "lcnn":
        return Lcnn(dropout=config["dropout"])
    net = Detector(config["width"], layers=config["layers"], dropout=config["dropout"])
    if whisper:
        load_whisper(net.encoder, whisper)
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--whisper", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--start", type=Path, help="go on from these weights (a run's last.pt)")
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after this long, whatever the config says")
    args = parser.parse_args()
    config = tomllib.loads(args.config.read_text())
    run = args.runs / config["name"]
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.config, run / "config.toml")
    torch.manual_seed(config["seed"])
    torch.set_num_threads(config["threads"])
    rng = np.random.default_rng(config["seed"])
    clips = {str(c.path): c for c in load_clips()}
    rows = load_rows(config["views"], clips)
    net = build(config, args.whisper)
    if args.start:
        net.load_state_dict(torch.load(args.start))
    fit(net, rows, clips, config, run, rng, deadline=time.monotonic() + 60 * args.minutes)


def fit(
    net: Detector | Lcnn,
    rows: Rows,
    clips: dict[str, Clip],
    config: dict[str, Any],
    run: Path,
    rng: np.random.Generator,
    *,
    deadline: float,
) -> None:
    """Train until the last step or the deadline; the head first, then everything."""
    head = [p for n, p in net.named_parameters() if not n.startswith("encoder")]
    groups = [{"params": head, "lr": config["head_rate"]}, {"params": net.encoder.parameters(), "lr": config["rate"]}]
    optimizer = torch.optim.AdamW(groups, weight_decay=config["decay"])
    rates = [group["lr"] for group in optimizer.param_groups]
    best, started, losses = 0.0, time.monotonic(), list[float]()
    stream = batches(rows, size=config["batch"], steps=config["steps"], rng=rng)
    for step, (windows, labels) in enumerate(stream):
        late = max(step / config["steps"], (time.monotonic() - started) / max(deadline - started, 1.0))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, (step + 1) / config["warmup"]) * max(0.02, 1.0 - late)
        net.train()
        with torch.autocast("cpu", torch.bfloat16):  # twice as fast where the processor has it
            logits, _ = net(mixed(windows, rng, seconds=config["seconds"], chance=config["mask"]))
        target = labels * (1 - 2 * config["smooth"]) + config["smooth"]
        loss = functional.binary_cross_entropy_with_logits(logits.float(), target)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss))
        over = time.monotonic() > deadline
        if (step + 1) % config["check"] == 0 or over or step + 1 == config["steps"]:
            value = dev_auc(net, clips)
            torch.save(net.state_dict(), run / "last.pt")
            if value > best:
                best = value
                torch.save(net.state_dict(), run / "best.pt")
            seconds, recent = time.monotonic() - started, np.mean(losses[-config["check"] :])
            line = f"step {step + 1} loss {recent:.3f} dev AUC {value:.3f} {seconds:.0f} s"
            print(line, flush=True)
            with (run / "log.txt").open("a") as log:
                log.write(line + "\n")
        if over:
            break


if __name__ == "__main__":
    main()
