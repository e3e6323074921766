"""Fakes that are made of the real pictures to teach with: which pictures, and how they are kept."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.image.collect import COLUMNS
from training.image.data import Item

Rgb = NDArray[np.uint8]


def chosen(items: Sequence[Item], *, kinds: Sequence[str], each: int) -> list[Item]:
    """Return up to `each` real pictures of these kinds of every source, in a fixed order."""
    by_source: defaultdict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda i: i.path.stem):
        if item.label == 0 and item.kind in kinds:
            by_source[item.source].append(item)
    return [item for source in sorted(by_source) for item in by_source[source][:each]]


def write_taught(made: Iterable[tuple[Item, Callable[[], Rgb]]], *, source: str, generator: str, total: int) -> None:
    """Write what is made of each picture to DATA_EXTRA, unless it is there, and the manifest of them all."""
    out = Path(os.environ["DATA_EXTRA"])
    (out / "fake" / source).mkdir(parents=True, exist_ok=True)
    rows = []
    for done, (parent, make) in enumerate(made, 1):
        path = Path("fake") / source / f"{parent.path.stem}_made.png"
        if not (out / path).is_file():
            Image.fromarray(make()).save(out / path, compress_level=1)
        facts = {"path": str(path), "label": "fake", "source": source, "generator": generator}
        rows.append(facts | {"kind": parent.kind, "pair_group": parent.pair_group})
        if done % 100 == 0 or done == total:
            print(f"{source} {done}/{total}", flush=True)
    with (out / f"manifest_{source}.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
