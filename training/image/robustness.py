"""Damage the pictures further and score them with the fold models:

    python -m training.image.robustness --semantic RUN [--artefacts RUN]

Writes models/image/robustness.json. A fixed sample, drawn evenly over sources, keeps it to minutes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from forensics.detect.manifest import load_manifest
from training.image.artefact_net import ArtefactNet
from training.image.augment import Rgb, add_noise, neutral, reencode
from training.image.data import Item, assign_folds, load_items
from training.image.features import Encoder
from training.image.fuse import fit_fusion, read_oof, sigmoid
from training.image.patches import score
from training.image.train import read_heads
from training.metrics import auc, bootstrap, flips

PER_LABEL = 150
PROTOCOL = "family"
MODEL_DIR = Path("models/image")


def jpeg(rgb: Rgb, *, quality: int) -> Rgb:
    return np.asarray(reencode(Image.fromarray(rgb), "JPEG", quality=quality))


def resized(rgb: Rgb, *, times: float) -> Rgb:
    """Reduced or enlarged, both sides alike."""
    image = Image.fromarray(rgb)
    size = (max(round(image.width * times), 1), max(round(image.height * times), 1))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def noise(rgb: Rgb) -> Rgb:
    return np.asarray(add_noise(Image.fromarray(rgb), np.random.default_rng(0), sigma=8.0))


def screenshot(rgb: Rgb) -> Rgb:
    """Shown at 125 %, a border around it, saved by a messenger."""
    image = Image.fromarray(rgb)
    image = image.resize((image.width * 5 // 4, image.height * 5 // 4), Image.Resampling.BILINEAR)
    framed = Image.new("RGB", (image.width + 16, image.height + 16), (245, 245, 245))
    framed.paste(image, (8, 8))
    return np.asarray(reencode(framed, "JPEG", quality=80))


def blurred(rgb: Rgb) -> Rgb:
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(1.0)))


def cropped(rgb: Rgb) -> Rgb:
    """The upper left corner, three quarters of each side."""
    return rgb[: max(1, rgb.shape[0] * 3 // 4), : max(1, rgb.shape[1] * 3 // 4)]


def recoloured(rgb: Rgb) -> Rgb:
    """A warmer, stronger picture, as a filter of a phone makes it."""
    image = ImageEnhance.Contrast(ImageEnhance.Color(Image.fromarray(rgb)).enhance(1.3)).enhance(1.15)
    warmer = np.asarray(image, dtype=np.float32) * (1.05, 1.0, 0.93)
    return np.clip(warmer, 0, 255).astype(np.uint8)


DAMAGE: Mapping[str, Callable[[Rgb], Rgb]] = {
    "none": lambda rgb: rgb,
    **{f"JPEG q{quality}": partial(jpeg, quality=quality) for quality in (95, 80, 65, 50)},
    **{f"resized {times:g} times": partial(resized, times=times) for times in (0.5, 0.75, 1.5, 2.0)},
    "noise of 8 grey levels": noise,
    "screenshot-like": screenshot,
    "blur of 1 pixel": blurred,
    "cropped to three quarters": cropped,
    "recoloured": recoloured,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", type=Path, required=True)
    parser.add_argument("--artefacts", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    items = load_items()
    runs = [run for run in (args.semantic, args.artefacts) if run]
    fusion = fit_fusion(read_oof(runs, items).raw, items)
    sample = [item for label in (0, 1) for item in drawn([i for i in items if i.label == label])]
    labels, sources = np.array([i.label for i in sample]), np.array([i.source for i in sample])
    saved, encoder = np.load(args.semantic / "model.npz"), Encoder.load()
    heads = read_heads(saved, f"folds_{PROTOCOL}")
    head_fold = assign_folds(items, folds=len(heads), by=PROTOCOL)
    nets, net_fold = _fold_nets(args.artefacts, items) if args.artefacts else ([], {})
    bounds = load_manifest(MODEL_DIR).normal.thresholds
    rows: dict[str, dict[str, str]] = {}
    before: NDArray[np.float64] | None = None  # scores without damage, the first row
    for name, damage in DAMAGE.items():
        raw = np.zeros((len(sample), len(runs)))
        for n, item in enumerate(sample):
            rgb = damage(neutral(item.pixels()))
            raw[n, 0] = heads[head_fold[item.source]].logits(encoder.features(rgb).astype(np.float32))
            if nets:
                raw[n, 1] = score(nets[net_fold[item.source]], rgb)
        scores = sigmoid(fusion.logits(raw))
        before = scores if before is None else before
        rows[name] = {
            "AUC": str(bootstrap(auc, scores, labels, sources)),
            "decided fake": f"{np.mean(scores[labels == 1] >= bounds.synthetic):.2f}",
            "false alarms": f"{np.mean(scores[labels == 0] >= bounds.synthetic):.3f}",
            "drift": f"{np.mean(np.abs(scores - before)):.3f}",
            "flips": f"{flips(before, scores, synthetic=bounds.synthetic, authentic=bounds.authentic):.3f}",
        }
        print(name, rows[name], flush=True)
    facts = {"real": PER_LABEL, "fake": PER_LABEL, "rows": rows}
    (MODEL_DIR / "robustness.json").write_text(json.dumps(facts, indent=1) + "\n")


def drawn(items: Sequence[Item]) -> list[Item]:
    """Return a fixed sample dealt evenly over the sources."""
    by_source: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda i: i.path.stem):
        by_source.setdefault(item.source, []).append(item)
    turns = [[group[n] for group in by_source.values() if n < len(group)] for n in range(PER_LABEL)]
    return [item for turn in turns for item in turn][:PER_LABEL]


def _fold_nets(run: Path, items: Sequence[Item]) -> tuple[list[ArtefactNet], dict[str, int]]:
    nets = []
    for path in sorted(run.glob("fold*.pt")):
        net = ArtefactNet()
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["net"])
        nets.append(net.eval())
    return nets, assign_folds(items, folds=len(nets))


if __name__ == "__main__":
    main()
