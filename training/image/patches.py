"""Train the artefact network on native-resolution crops:

    python -m training.image.patches --config training/image/configs/artefacts.toml

A fake that was made from a real picture is drawn together with it, cut at the same place and given the same history, so
that only the generator's traces differ. A checkpoint is written after every epoch; a second start resumes there.
"""

from __future__ import annotations

import argparse
import shutil
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import nn

from forensics.media.tensors import Normalisation, at_least, native_crops, to_tensor, working_copy
from training.image.artefact_net import ArtefactNet, pretrained_state
from training.image.augment import Rgb, add_noise, reencode
from training.image.data import Item, assign_folds, load_items, split
from training.image.features import view_of
from training.image.train import write_oof

NORM = Normalisation((0.498, 0.498, 0.498), (0.502, 0.502, 0.502))  # EfficientNet-lite0: (pixel - 127) / 128
MARGIN_PX = 12  # cut after encoding, so the 8 x 8 grid of JPEG falls anywhere
SERVED_SIDE_PX, SERVED_MOST = 224, 4


@dataclass(frozen=True)
class Recipe:
    """One training: sides in pixels, rates per step, probabilities 0..1."""

    seed: int
    folds: int
    epochs: int
    steps: int
    batch: int
    side: int
    rate: float
    decay: float
    zoom: tuple[float, float]
    blend: float
    label_smoothing: float


class Sampler:
    """Draws (picture, label, seed): both labels alike, sources by the root of their size, pairs together."""

    def __init__(self, items: Sequence[Item], pixels: Sequence[Rgb], rng: np.random.Generator) -> None:
        self.items, self.pixels, self.rng = items, pixels, rng
        self.by_source: dict[int, dict[str, list[int]]] = {0: defaultdict(list), 1: defaultdict(list)}
        self.real_of: dict[str, int] = {}
        for n, item in enumerate(items):
            self.by_source[item.label][item.source].append(n)
            if item.label == 0:
                self.real_of[item.pair_group] = n

    def draw(self) -> Iterator[tuple[int, int, int]]:
        """Yield (index, index of its real partner or -1, seed) without end; fake and real take turns."""
        while True:
            fake, seed = self._pick(1), int(self.rng.integers(1 << 31))
            partner = self.real_of.get(self.items[fake].pair_group, -1)
            yield fake, partner, seed
            real = partner if partner >= 0 else self._pick(0)
            yield real, -1, seed if partner >= 0 else int(self.rng.integers(1 << 31))

    def _pick(self, label: int) -> int:
        sources = list(self.by_source[label].values())
        weights = np.sqrt([len(s) for s in sources])
        source = sources[int(self.rng.choice(len(sources), p=weights / weights.sum()))]
        return source[int(self.rng.integers(len(source)))]


def cut(rgb: Rgb, *, recipe: Recipe, seed: int, partner: Rgb | None = None) -> Rgb:
    """Return one augmented crop, uint8 (side, side, 3); `partner` (a fake's real original) may be blended in around it."""
    rng = np.random.default_rng(seed)
    zoom = float(np.exp(rng.uniform(*np.log(recipe.zoom))))
    want = recipe.side + MARGIN_PX
    x, y = rng.random(2)
    image = Image.fromarray(_region(rgb, side=want / zoom, x=x, y=y))
    if partner is not None and rng.random() < recipe.blend and partner.shape == rgb.shape:
        image = _blend(image, Image.fromarray(_region(partner, side=want / zoom, x=x, y=y)), rng)
    image = image.resize((want, want), Image.Resampling(int(rng.choice([1, 2, 3, 4]))))
    if rng.random() < 0.12:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if rng.random() < 0.15:
        image = add_noise(image, np.random.default_rng(seed + 1), sigma=rng.uniform(1, 7))
    if rng.random() < 0.9:
        for _ in range(1 + (rng.random() < 0.25)):
            image = reencode(image, "WEBP" if rng.random() < 0.25 else "JPEG", quality=int(rng.integers(40, 98)))
    left, top = (int(v) for v in rng.integers(0, MARGIN_PX + 1, 2))
    crop = np.asarray(image, dtype=np.uint8)[top : top + recipe.side, left : left + recipe.side]
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def fit(items: Sequence[Item], pixels: Sequence[Rgb], *, recipe: Recipe, checkpoint: Path) -> ArtefactNet:
    """Train on the given pictures; resumes from `checkpoint`, which is written after every epoch."""
    torch.manual_seed(recipe.seed)
    net = ArtefactNet.pretrained(pretrained_state()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=recipe.epochs * recipe.steps, pct_start=0.1
    )
    first = _resume(checkpoint, net, optimiser, schedule)
    for epoch in range(first, recipe.epochs):
        started, losses, right = time.monotonic(), [], []
        sampler = Sampler(items, pixels, np.random.default_rng([recipe.seed, epoch]))
        stream = sampler.draw()
        net.train()
        for _ in range(recipe.steps):
            batch, labels = _batch(sampler, stream, recipe=recipe)
            logits, _ = net(batch)
            soft = labels * (1 - recipe.label_smoothing) + recipe.label_smoothing / 2
            loss = nn.functional.binary_cross_entropy_with_logits(logits, soft)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(float(loss))
            right.append(float(((logits > 0) == (labels > 0.5)).float().mean()))
        state = {
            "net": net.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
            "epoch": epoch + 1,
        }
        torch.save(state, checkpoint)
        print(
            f"{checkpoint.stem} epoch {epoch + 1}/{recipe.epochs} loss {np.mean(losses):.3f}"
            f" accuracy {np.mean(right):.3f} {time.monotonic() - started:.0f} s",
            flush=True,
        )
    return net.eval()


@torch.inference_mode()
def score(net: ArtefactNet, rgb: Rgb) -> float:
    """Return the logit as serving computes it: the mean over native crops of the working copy."""
    crops, _, _ = native_crops(working_copy(rgb), side=SERVED_SIDE_PX, most=SERVED_MOST)
    return float(net(torch.from_numpy(to_tensor(crops, norm=NORM)))[0].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    args = parser.parse_args()
    config: dict[str, Any] = tomllib.loads(args.config.read_text())
    recipe = Recipe(**{k: tuple(v) if isinstance(v, list) else v for k, v in config["recipe"].items()})
    run = args.runs / config["name"]
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.config, run / "config.toml")
    torch.set_num_threads(1)
    items = load_items()
    pixels = [working_copy(item.pixels()) for item in items]
    fold_of = assign_folds(items, folds=recipe.folds)
    logits = np.zeros((len(items), config["views"]))
    for fold in range(recipe.folds):
        train, held = split(items, fold_of, fold=fold)
        net = fit(
            [items[n] for n in train], [pixels[n] for n in train], recipe=recipe, checkpoint=run / f"fold{fold}.pt"
        )
        for n in held:
            logits[n] = [score(net, view_of(items[n], view=v)) for v in range(config["views"])]
        print(f"fold {fold} scored", flush=True)
        write_oof(run / "oof.csv", items, {f"family_view{v}": logits[:, v] for v in range(logits.shape[1])})
    fit(items, pixels, recipe=recipe, checkpoint=run / "all.pt")
    print(f"wrote {run}", flush=True)


def _batch(
    sampler: Sampler, stream: Iterator[tuple[int, int, int]], *, recipe: Recipe
) -> tuple[torch.Tensor, torch.Tensor]:
    crops, labels = [], []
    for _ in range(recipe.batch):
        index, partner, seed = next(stream)
        crops.append(
            cut(
                sampler.pixels[index],
                recipe=recipe,
                seed=seed,
                partner=sampler.pixels[partner] if partner >= 0 else None,
            )
        )
        labels.append(float(sampler.items[index].label))
    tensor = torch.from_numpy(to_tensor(np.stack(crops), norm=NORM)).to(memory_format=torch.channels_last)
    return tensor, torch.tensor(labels)


def _region(rgb: Rgb, *, side: float, x: float, y: float) -> Rgb:
    size = max(16, round(side))
    picture = at_least(rgb, side=size)
    top, left = round(y * (picture.shape[0] - size)), round(x * (picture.shape[1] - size))
    return picture[top : top + size, left : left + size]


def _blend(fake: Image.Image, real: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Leave an elliptic patch of the fake (at least a quarter of the crop) inside the real picture, edges feathered."""
    size = fake.width
    rows, cols = np.ogrid[:size, :size]
    centre, radius = rng.uniform(0.35, 0.65, 2) * size, rng.uniform(0.3, 0.5, 2) * size
    inside = ((rows - centre[0]) / radius[0]) ** 2 + ((cols - centre[1]) / radius[1]) ** 2 < 1
    mask = Image.fromarray((inside * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 6)))
    return Image.composite(fake, real, mask)


def _resume(
    checkpoint: Path, net: nn.Module, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> int:
    if not checkpoint.is_file():
        return 0
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    net.load_state_dict(state["net"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    return int(state["epoch"])


if __name__ == "__main__":
    main()
