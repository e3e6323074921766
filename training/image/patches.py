"""Train the artefact network on pairs of crops:

    python -m training.image.patches --config training/image/configs/artefacts.toml [--only fold0]

A real crop and the same crop redrawn by an autoencoder are drawn together and given the same history, so that only the
decoder's traces differ. No picture of a generator is ever shown to it: all of them stay unseen, the autoencoder does not. A
checkpoint is written every few hundred steps and a second start goes on there; `--only` trains one network, so that two cores
can share the work.
"""

from __future__ import annotations

import argparse
import shutil
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from forensics.media.tensors import Normalisation, native_crops, to_tensor, working_copy
from training.image.artefact_net import ArtefactNet, freeze_batch_norm, pretrained_state
from training.image.augment import Rgb
from training.image.data import Item, assign_folds, load_items
from training.image.features import view_of
from training.image.pair_history import PairHistory, twins
from training.image.pairs import load_pair, parents, path_of
from training.image.train import write_oof

NORM = Normalisation((0.498, 0.498, 0.498), (0.502, 0.502, 0.502))  # EfficientNet-lite0: (pixel - 127) / 128
SERVED_SIDE_PX, SERVED_MOST = 224, 3
CHECKPOINT_STEPS = 250
SETTLING_BATCHES = 50
ALL = "all"


@dataclass(frozen=True)
class Recipe:
    """One training: rates per step, probabilities 0..1; `margin` weighs that a redrawn crop lies above its own original.

    From step `settle` on batch normalisation keeps its statistics: until then the network learns faster than with
    ImageNet's, but leans on the batch, and scored alone a crop's content would outweigh its traces by far.
    """

    seed: int
    folds: int
    steps: int
    settle: int
    pairs: int
    rate: float
    decay: float
    margin: float
    label_smoothing: float
    history: PairHistory


def draw(photos: Sequence[Item], rng: np.random.Generator) -> Iterator[tuple[Item, int]]:
    """Yield (picture, seed) without end, sources by the root of their size."""
    by_source: dict[str, list[Item]] = {}
    for item in photos:
        by_source.setdefault(item.source, []).append(item)
    groups, roots = list(by_source.values()), np.sqrt([len(own) for own in by_source.values()])
    while True:
        group = groups[int(rng.choice(len(groups), p=roots / roots.sum()))]
        yield group[int(rng.integers(len(group)))], int(rng.integers(1 << 31))


def fit(photos: Sequence[Item], *, recipe: Recipe, checkpoint: Path) -> ArtefactNet:
    """Train on the pairs of the given real pictures; goes on from `checkpoint`."""
    torch.manual_seed(recipe.seed)
    net = ArtefactNet.pretrained(pretrained_state()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=recipe.steps + 1, pct_start=0.05)
    first, seen = _resume(checkpoint, net, optimiser, schedule), []
    stream = draw(photos, np.random.default_rng([recipe.seed, first]))
    started = time.monotonic()
    net.train()
    if first > recipe.settle:
        freeze_batch_norm(net)
    for step in range(first, recipe.steps):
        if step == recipe.settle:
            settle(net, stream, recipe=recipe)
        logits, _ = net(_batch(stream, recipe=recipe))
        loss = pair_loss(logits, margin=recipe.margin, smoothing=recipe.label_smoothing)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        seen.append((loss.item(), ((logits[1::2] > 0).float().mean() + (logits[::2] <= 0).float().mean()).item() / 2))
        if (step + 1) % CHECKPOINT_STEPS == 0 or step + 1 == recipe.steps:
            state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
            torch.save(state | {"step": step + 1}, checkpoint)
            lately = np.mean(seen[-CHECKPOINT_STEPS:], axis=0)
            took = f"{time.monotonic() - started:.0f} s"
            print(
                f"{checkpoint.stem} {step + 1}/{recipe.steps} loss {lately[0]:.3f} right {lately[1]:.3f} {took}",
                flush=True,
            )
    return net.eval()


@torch.inference_mode()
def settle(net: ArtefactNet, stream: Iterator[tuple[Item, int]], *, recipe: Recipe) -> None:
    """Measure the statistics of batch normalisation anew, over SETTLING_BATCHES, and keep them from here on."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    for _ in range(SETTLING_BATCHES):
        net(_batch(stream, recipe=recipe))
    freeze_batch_norm(net)


def pair_loss(logits: Tensor, *, margin: float, smoothing: float) -> Tensor:
    """Return the loss of logits (2n,), real and redrawn in turns: each its label, and each redrawn one above its original."""
    real, drawn = logits[::2], logits[1::2]
    labels = torch.cat([torch.zeros_like(real), torch.ones_like(drawn)]) * (1 - smoothing) + smoothing / 2
    own = nn.functional.binary_cross_entropy_with_logits(torch.cat([real, drawn]), labels)
    return own + margin * nn.functional.softplus(real - drawn).mean()


@torch.inference_mode()
def score(net: ArtefactNet, rgb: Rgb) -> float:
    """Return the logit as serving computes it: the mean over native crops of the working copy."""
    crops, _, _ = native_crops(working_copy(rgb), side=SERVED_SIDE_PX, most=SERVED_MOST)
    return float(net(torch.from_numpy(to_tensor(crops, norm=NORM)))[0].mean())


def outside(photos: Sequence[Item], items: Sequence[Item], fold_of: Mapping[str, int], fold: int) -> list[Item]:
    """Return the photos that are not in the fold, nor the original of a fake that is."""
    held = {i.pair_group for i in items if fold_of[i.source] == fold}
    return [photo for photo in photos if photo.pair_group not in held]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", help=f"fold0, fold1 ... or {ALL}; out-of-fold scores are not written then")
    args = parser.parse_args()
    config: dict[str, Any] = tomllib.loads(args.config.read_text())
    recipe = read_recipe(config)
    run = args.runs / config["name"]
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.config, run / "config.toml")
    torch.set_num_threads(1)
    items = load_items()
    photos = [photo for photo in parents(items) if path_of(photo).is_file()]
    fold_of = assign_folds(items, folds=recipe.folds, by="repository")
    trained_on = {f"fold{n}": outside(photos, items, fold_of, n) for n in range(recipe.folds)} | {ALL: photos}
    for name in [args.only] if args.only else trained_on:
        print(f"{name}: {len(trained_on[name])} pairs", flush=True)
        net = fit(trained_on[name], recipe=recipe, checkpoint=run / f"{name}.pt")
        if name != ALL:
            own = [n for n, item in enumerate(items) if fold_of[item.source] == int(name.removeprefix("fold"))]
            _score_fold(net, [items[n] for n in own], run / f"{name}.npy", views=config["views"])
    if not args.only:
        write_scores(run, items, fold_of)


def write_scores(run: Path, items: Sequence[Item], fold_of: Mapping[str, int]) -> None:
    """Join the folds' scores into oof.csv; both protocols have the same numbers, since no generator was trained on.

    The family of the autoencoder is the exception: it is known in both, and no figure of it is of an unseen family.
    """
    folds = np.array([fold_of[item.source] for item in items])
    parts = {fold: np.load(run / f"fold{fold}.npy") for fold in sorted(set(folds.tolist()))}
    logits = np.zeros((len(items), parts[0].shape[1]))
    for fold, part in parts.items():
        logits[folds == fold] = part
    columns = {f"{by}_view{v}": logits[:, v] for by in ("family", "repository") for v in range(logits.shape[1])}
    write_oof(run / "oof.csv", items, columns)
    print(f"wrote {run / 'oof.csv'}", flush=True)


def read_recipe(config: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a parsed config file."""
    history = {key: tuple(v) if isinstance(v, list) else v for key, v in config["history"].items()}
    return Recipe(**config["recipe"], history=PairHistory(**history))


def _score_fold(net: ArtefactNet, items: Sequence[Item], path: Path, *, views: int) -> None:
    if path.is_file():
        return
    logits: NDArray[np.float64] = np.array(
        [[score(net, view_of(item, view=v)) for v in range(views)] for item in items]
    )
    np.save(path, logits)
    print(f"{path.stem}: {len(items)} pictures scored", flush=True)


def _batch(stream: Iterator[tuple[Item, int]], *, recipe: Recipe) -> Tensor:
    drawn = [next(stream) for _ in range(recipe.pairs)]
    crops = [crop for item, seed in drawn for crop in twins(load_pair(item), history=recipe.history, seed=seed)]
    return torch.from_numpy(to_tensor(np.stack(crops), norm=NORM)).to(memory_format=torch.channels_last)


def _resume(
    checkpoint: Path, net: nn.Module, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> int:
    if not checkpoint.is_file():
        return 0
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    net.load_state_dict(state["net"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    return int(state["step"])


if __name__ == "__main__":
    main()
