"""Train the face network: python -m training.face.train --config training/face/configs/first.toml

Batches hold a real face and its forgery together. Weights are averaged over steps; a checkpoint is written every few minutes, and
a second start resumes there. Every view of training.face.views that exists when an epoch begins is read. Configuration and
weights lie in the run's folder.
"""

from __future__ import annotations

import argparse
import shutil
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from forensics.media.tensors import to_tensor
from training.face.data import load_faces
from training.face.net import NORM, FaceNet, load_net
from training.face.views import view_files
from training.image.artefact_net import freeze_batch_norm, pretrained_state
from training.metrics import auc

SCORE_BATCH = 32
CHECKPOINT_SECONDS = 240.0
LOG_STEPS = 10
GAIN = 0.08  # of a channel, as the logarithm's deviation: cameras and lights, pairs alike
DEV_STEP = 3  # every third face: side-by-side films alternate real and forged


@dataclass(frozen=True)
class Recipe:
    """One training; `minutes` are the processor's, rates per step, `average` the share of the old mean that a step keeps."""

    seed: int
    minutes: float
    steps: int
    pairs: int
    rate: float
    decay: float
    warmup: int
    average: float
    label_smoothing: float
    frozen_norms: bool
    start: str  # a checkpoint whose averaged weights are gone on from; "" starts at ImageNet's
    frozen_blocks: int  # the stem and so many blocks keep ImageNet's weights; 0 trains everything


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    args = parser.parse_args()
    recipe = Recipe(**tomllib.loads(args.config.read_text()))
    run = Path("runs") / f"face-{args.config.stem}"
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.config, run / "config.toml")
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    train(recipe, run)


def train(recipe: Recipe, run: Path) -> None:
    """Train until the steps or the minutes of this process are up; on a busy machine those of the clock say little."""
    net = load_net(recipe.start) if recipe.start else FaceNet.pretrained(pretrained_state())
    net = net.to(memory_format=torch.channels_last)
    average = {name: value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    step = resume(run / "last.pt", net, optimiser, average)
    rng = np.random.default_rng([recipe.seed, step])
    started, saved = time.process_time(), time.monotonic()
    losses: list[float] = []
    while step < recipe.steps and time.process_time() - started < recipe.minutes * 60:
        for pixels in batches(recipe, rng):
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * schedule(step, recipe, time.process_time() - started)
            losses.append(one_step(net, optimiser, pixels, recipe))
            step += 1
            blend_into(average, net, keep=min(recipe.average, step / (step + 10)))
            if step % LOG_STEPS == 0:
                spent = time.process_time() - started
                print(f"step {step} loss {np.mean(losses[-LOG_STEPS:]):.4f} seconds {spent:.0f}", flush=True)
            if time.monotonic() - saved > CHECKPOINT_SECONDS or step >= recipe.steps:
                save(run / "last.pt", net, optimiser, average, step)
                print(f"step {step} {dev_report(average)}", flush=True)
                saved = time.monotonic()
            if step >= recipe.steps or time.process_time() - started > recipe.minutes * 60:
                break
    save(run / "last.pt", net, optimiser, average, step)
    print(f"step {step} done {dev_report(average)}", flush=True)


def batches(recipe: Recipe, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Yield one pass over the views that exist now: uint8 (2 * pairs, 224, 224, 3), reals first, pairs mirrored alike."""
    views = [np.load(path, mmap_mode="r") for path in view_files("train")]
    places = [(v, n) for v, view in enumerate(views) for n in range(len(view))]
    order = rng.permutation(len(places))
    for start in range(0, len(order) - recipe.pairs + 1, recipe.pairs):
        chosen = [places[n] for n in order[start : start + recipe.pairs]]
        drawn = np.stack([views[v][n] for v, n in chosen])
        mirrored = rng.random(len(drawn)) < 0.5
        drawn[mirrored] = drawn[mirrored, :, :, ::-1]
        gains = np.exp(rng.normal(0, GAIN, (len(drawn), 1, 1, 1, 3))).astype(np.float32)
        tinted = np.clip(drawn * gains, 0, 255).astype(np.uint8)
        yield np.concatenate([tinted[:, 0], tinted[:, 1]])


def one_step(net: FaceNet, optimiser: torch.optim.Optimizer, pixels: NDArray[np.uint8], recipe: Recipe) -> float:
    """Learn from one batch, reals first; returns the loss."""
    net.train()
    if recipe.frozen_norms:
        freeze_batch_norm(net)
    freeze_batch_norm(net._blocks[: recipe.frozen_blocks])
    labels = torch.arange(len(pixels)).ge(len(pixels) // 2).float()
    targets = labels * (1 - 2 * recipe.label_smoothing) + recipe.label_smoothing
    x = torch.from_numpy(to_tensor(pixels, norm=NORM)).to(memory_format=torch.channels_last)
    if recipe.frozen_blocks:  # forward alone pays in bfloat16: backward through depthwise layers is slower in it
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            early = net.early(x, blocks=recipe.frozen_blocks)
        logits = net.late(early.float(), blocks=recipe.frozen_blocks)
    else:
        logits = net(x)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, targets)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimiser.step()
    return float(loss.detach())


def schedule(step: int, recipe: Recipe, seconds: float) -> float:
    """Return the share of the rate: up in a line, down in a half cosine to the last step or minute, whichever comes first."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    return float(
        0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(1.0, max(step / recipe.steps, seconds / 60 / recipe.minutes))))
    )


def blend_into(average: dict[str, Tensor], net: FaceNet, *, keep: float) -> None:
    """Move the averaged weights towards the network's."""
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.dtype.is_floating_point:
                average[name].lerp_(value, 1 - keep)
            else:
                average[name].copy_(value)


def score(net: FaceNet, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return logits (n,) of crops uint8 (n, 224, 224, 3)."""
    net.eval()
    logits = []
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(crops), SCORE_BATCH):
            batch = torch.from_numpy(to_tensor(np.asarray(crops[start : start + SCORE_BATCH]), norm=NORM))
            logits.append(net(batch.to(memory_format=torch.channels_last)).float().numpy())
    return np.concatenate(logits).astype(np.float64)


def dev_report(average: dict[str, Tensor]) -> str:
    """Return the AUC on the dev part, by kind of forgery; its sources are in no batch."""
    net = FaceNet().to(memory_format=torch.channels_last)
    net.load_state_dict(average)
    faces = load_faces("dev")
    logits = score(net, faces.crops[::DEV_STEP])
    rows = faces.rows[::DEV_STEP]
    labels = np.array([row.label for row in rows])
    kinds = np.array([row.kind for row in rows])
    found = {
        k: auc(logits[(labels == 0) | (kinds == k)], labels[(labels == 0) | (kinds == k)])
        for k in set(kinds[labels == 1])
    }
    return "dev " + " ".join(f"{kind} {value:.3f}" for kind, value in sorted(found.items()))


def resume(path: Path, net: FaceNet, optimiser: torch.optim.Optimizer, average: dict[str, Tensor]) -> int:
    """Load a checkpoint if there is one; returns its step, 0 without."""
    if not path.is_file():
        return 0
    saved = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict(saved["net"])
    optimiser.load_state_dict(saved["optimiser"])
    average.update(saved["average"])
    return int(saved["step"])


def save(path: Path, net: FaceNet, optimiser: torch.optim.Optimizer, average: dict[str, Tensor], step: int) -> None:
    """Write a checkpoint in one rename."""
    state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "average": average, "step": step}
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


if __name__ == "__main__":
    main()
