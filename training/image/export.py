"""Write models/image from a run: python -m training.image.export --run runs/first

The head goes to ONNX; calibration and thresholds come from the run's out-of-fold logits; the manifest pins the checksum.
"""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.files import file_sha256
from training.image.calibrate import Platt, fit_platt, rate_above, threshold_at_fpr, threshold_at_miss
from training.image.data import Item, balanced_weights, load_items, read_csv
from training.image.features import CLIP_NORM, ENCODER, SIDE_PX, load_features
from training.image.head_onnx import export_head
from training.image.semantic import LinearHead

VERSION = "0.1.0"
MODEL_DIR = Path("models/image")
HEAD_FILE = "whole_view.onnx"
MEASURED_ON = "out-of-fold pictures of sources and generator families never trained on, re-encoded alike"


@dataclass(frozen=True)
class Pair:
    """A threshold pair and what it gave out of fold."""

    synthetic: float
    authentic: float
    fpr: float
    recall: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    run = parser.parse_args().run
    config = tomllib.loads((run / "config.toml").read_text())
    items = load_items()
    saved = np.load(run / "model.npz")
    MODEL_DIR.mkdir(parents=True, exist_ok=True)
    head = LinearHead(saved["weights"], float(saved["bias"]))
    export_head(head, distance=(saved["projection"], saved["offset"]), path=MODEL_DIR / HEAD_FILE)
    platt, normal, strict = operate(items, read_csv(run / "oof.csv"), config["operating"])
    distances = training_distances(items, saved["projection"], saved["offset"])
    text = manifest(platt, normal, strict, largest_distance=float(np.quantile(distances, 0.999)))
    (MODEL_DIR / "manifest.toml").write_text(text)
    print(text)


def operate(items: list[Item], oof: list[dict[str, str]], limits: dict[str, float]) -> tuple[Platt, Pair, Pair]:
    """Calibrate on every out-of-fold view and choose both threshold pairs on the neutral one."""
    views = [key for key in oof[0] if key.startswith("view")]
    raw = np.array([[float(row[v]) for v in views] for row in oof])  # (items, views)
    labels = np.array([item.label for item in items])
    weights = balanced_weights(items)
    platt = fit_platt(raw.ravel(), np.repeat(labels, len(views)), np.repeat(weights, len(views)) / len(views))
    scores = 1 / (1 + np.exp(-platt.logits(raw[:, 0])))
    pairs = [
        _pair(scores, labels, weights, fpr=limits[f"{mode}_fpr"], missed=limits["missed"])
        for mode in ("normal", "strict")
    ]
    return platt, pairs[0], pairs[1]


def training_distances(
    items: list[Item], projection: NDArray[np.float64], offset: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the feature distance of every neutral training picture, as the exported graph computes it: (items,)."""
    axes = load_features(items, views=1)[:, 0, : projection.shape[0]] @ projection + offset
    return np.asarray(np.sqrt((axes**2).mean(axis=1)))


def manifest(platt: Platt, normal: Pair, strict: Pair, *, largest_distance: float) -> str:
    """Return the text of manifest.toml."""
    return f"""\
# Written by training/image/export.py; do not edit.
name = "image"
version = "{VERSION}"
licence = "Apache-2.0"

[[stages]]
name = "whole-view"
file = "{HEAD_FILE}"
sha256 = "{file_sha256(MODEL_DIR / HEAD_FILE)}"
encoder = "{ENCODER}"
view = "square"
side = {SIDE_PX}
mean = {list(CLIP_NORM.mean)}
std = {list(CLIP_NORM.std)}
slope = {platt.slope:.6f}
intercept = {platt.intercept:.6f}
weight = 1.0

[fusion]
bias = 0.0
{_operating("normal", normal)}{_operating("strict", strict)}
[guards]
smallest_side_px = 64
largest_distance = {largest_distance:.4f}
flattest_std = 6.0
largest_disagreement = 0.9
"""


def _operating(mode: str, pair: Pair) -> str:
    numbers = "".join(f"{key} = {getattr(pair, key):.4f}\n" for key in ("synthetic", "authentic", "fpr", "recall"))
    return f'\n[operating.{mode}]\n{numbers}measured_on = "{MEASURED_ON}"\n'


def _pair(
    scores: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64], *, fpr: float, missed: float
) -> Pair:
    synthetic = threshold_at_fpr(scores, labels, weights, fpr=fpr)
    authentic = min(threshold_at_miss(scores, labels, weights, missed=missed), synthetic)
    real, fake = labels == 0, labels == 1
    return Pair(
        synthetic,
        authentic,
        rate_above(scores[real], weights[real], synthetic),
        rate_above(scores[fake], weights[fake], synthetic),
    )


if __name__ == "__main__":
    main()
