"""Train the image model: python -m training.image.train --config training/image/configs/first.toml

Reads the feature cache (training.image.features), measures out of fold, refits on everything, and writes
runs/<name>/: config.toml, oof.csv (one line per picture: the only numbers that are ever reported), model.npz.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.image.attribution import fit_families
from training.image.data import TAUGHT_ONLY, Item, assign_folds, load_items
from training.image.features import load_features
from training.image.network import Schooling
from training.image.semantic import Head, HeadRecipe, fit_head, out_of_fold

OOD_AXES = 48
PROTOCOLS = ("family", "repository")  # what a fold holds out of the fakes; real pictures go by repository in both


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    args = parser.parse_args()
    config = tomllib.loads(args.config.read_text())
    run = args.runs / config["name"]
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.config, run / "config.toml")
    torch.set_num_threads(1)
    items = load_items(taught_only=True)
    recipe = read_recipe(config)
    features = load_features(items, views=len(recipe.schooling.view_weights))  # (items, views, width)
    columns, fold_heads = {}, {}
    for by in PROTOCOLS:
        said, fold_heads[by] = out_of_fold(features, items, recipe, assign_folds(items, folds=config["folds"], by=by))
        columns |= {f"{by}_view{v}": said[:, v, 0] for v in range(said.shape[1])}
        columns[f"{by}_altered"] = said[:, 0, 1]
    head = fit_head(features, items, recipe)
    measured = [n for n, item in enumerate(items) if item.family not in TAUGHT_ONLY]
    items, features = [items[n] for n in measured], features[measured]
    write_oof(run / "oof.csv", items, {name: values[measured] for name, values in columns.items()})
    projection, offset = whitening(features[:, 0, :512])
    families = fit_families(features[:, 0], items)
    print(
        f"families {families.labels}: precision {families.precision:.3f}, coverage {families.coverage:.3f}", flush=True
    )
    np.savez(
        run / "model.npz",
        **{f"final_{name}": array for name, array in head_arrays([head]).items()},
        **{f"folds_{by}_{name}": array for by in PROTOCOLS for name, array in head_arrays(fold_heads[by]).items()},
        projection=projection,
        offset=offset,
        family_labels=np.array(families.labels),
        family_weights=families.weights,
        family_bias=families.bias,
        family_facts=np.array([families.threshold, families.precision, families.coverage]),
    )
    print(f"wrote {run}", flush=True)


def read_recipe(config: Mapping[str, Any]) -> HeadRecipe:
    """Return the head's recipe from a parsed config file."""
    head = {key: tuple(value) if isinstance(value, list) else value for key, value in config["head"].items()}
    schooling = {key: tuple(value) if isinstance(value, list) else value for key, value in config["schooling"].items()}
    return HeadRecipe(**head, schooling=Schooling(**schooling))


def head_arrays(heads: Sequence[Head]) -> dict[str, NDArray[np.float32]]:
    """Return the heads' arrays stacked, by name."""
    names = ("inward", "offset", "outward", "bias")
    return {name: np.array([getattr(head, name) for head in heads], dtype=np.float32) for name in names}


def read_heads(saved: Mapping[str, NDArray[np.float32]], prefix: str) -> list[Head]:
    """Return the heads that were saved under a prefix ("final", "folds_family", "folds_repository")."""
    inward, offset, outward, bias = (
        saved[f"{prefix}_{name}"].astype(np.float64) for name in ("inward", "offset", "outward", "bias")
    )
    return [Head(inward[n], offset[n], outward[n], bias[n]) for n in range(len(bias))]


def whitening(embeddings: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (projection (512, k), offset (k,)) onto the k main axes of the training embeddings at unit variance."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    _, spread, axes = np.linalg.svd(embeddings - mean, full_matrices=False)
    projection = axes[:OOD_AXES].T / (spread[:OOD_AXES] / np.sqrt(len(embeddings)))
    return projection, -mean @ projection


def write_oof(path: Path, items: Sequence[Item], columns: Mapping[str, NDArray[np.float64]]) -> None:
    """Write one line per picture: who it is, its out-of-fold logit per protocol and view (<protocol>_view<n>), and
    how much of the neutral one is the altered voice's (<protocol>_altered).
    """
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["file", "source", "family", "kind", "label", *columns])
        for n, item in enumerate(items):
            logits = (f"{values[n]:.5f}" for values in columns.values())
            writer.writerow([item.path.stem, item.source, item.family, item.kind, item.label, *logits])


if __name__ == "__main__":
    main()
