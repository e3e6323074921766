"""Train the image model: python -m training.image.train --config training/image/configs/first.toml

Reads the feature cache (training.image.features), measures out of fold, refits on everything, and writes
runs/<name>/: config.toml, oof.csv (one line per picture: the only numbers that are ever reported), model.npz.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.image.data import Item, assign_folds, load_items
from training.image.features import load_features
from training.image.semantic import Group, fit_head, out_of_fold

OOD_AXES = 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    args = parser.parse_args()
    config = tomllib.loads(args.config.read_text())
    run = args.runs / config["name"]
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.config, run / "config.toml")
    items = load_items()
    groups = [Group(**row) for row in config["groups"]]
    features = load_features(items, views=config["views"])  # (items, views, width)
    fold_of = assign_folds(items, folds=config["folds"])
    logits = out_of_fold(features, items, groups, fold_of)  # (items, views)
    write_oof(run / "oof.csv", items, fold_of, logits)
    head = fit_head(features, items, groups)
    projection, offset = whitening(features[:, 0, :512])
    np.savez(run / "model.npz", weights=head.weights, bias=head.bias, projection=projection, offset=offset)
    print(f"wrote {run}", flush=True)


def whitening(embeddings: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (projection (512, k), offset (k,)) onto the k main axes of the training embeddings at unit variance."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    _, spread, axes = np.linalg.svd(embeddings - mean, full_matrices=False)
    projection = axes[:OOD_AXES].T / (spread[:OOD_AXES] / np.sqrt(len(embeddings)))
    return projection, -mean @ projection


def write_oof(path: Path, items: Sequence[Item], fold_of: dict[str, int], logits: NDArray[np.float64]) -> None:
    """Write one line per picture: who it is, its fold, and the out-of-fold logit of each view."""
    views = [f"view{v}" for v in range(logits.shape[1])]
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["file", "source", "family", "kind", "label", "fold", *views])
        for item, row in zip(items, logits, strict=True):
            facts = [item.path.stem, item.source, item.family, item.kind, item.label, fold_of[item.source]]
            writer.writerow([*facts, *(f"{value:.5f}" for value in row)])


if __name__ == "__main__":
    main()
