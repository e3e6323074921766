"""The pictures and how they are split: by source, by generator family, and never through a pair.

`DATA_ROOT` names the data folder; what `training.image.collect` gathered beside it is read from `DATA_EXTRA`.
"""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.media.image import decode_image

SOURCES_CSV = Path(__file__).parents[1] / "sources.csv"
FILMS_CSV = Path(__file__).with_name("films.csv")
# Families that are made to teach with: a figure on them would say nothing of fakes found outside.
TAUGHT_ONLY = ("forged_face", "patched")
REAL_HALF = "_real"  # what the name of a side-by-side film's source is followed by, for its real half


@dataclass(frozen=True)
class Item:
    """One picture: `family` groups generators that share a teacher or an autoencoder ("" for real pictures)."""

    path: Path
    label: int  # 1 = fake
    source: str
    family: str
    kind: str  # face | scene | art | document | other
    generator: str
    pair_group: str  # the same for a real picture and everything made from it
    content: str = (
        ""  # the same for whatever may show the same scene: all frames of a repository that has films of both labels
    )

    def pixels(self) -> NDArray[np.uint8]:
        """Decode to uint8 (height, width, 3) with the decoder that serves requests."""
        return decode_image(self.path.read_bytes()).rgb


def load_items(*, taught_only: bool = False) -> list[Item]:
    """Read the data folder's manifest and the gathered ones, in a stable order; `taught_only` adds what is never measured."""
    manifests = [Path(os.environ.get("DATA_ROOT", "../shared/data")) / "image" / "manifest.csv"]
    if extra := os.environ.get("DATA_EXTRA"):
        manifests += sorted(Path(extra).glob("manifest*.csv"))
    families = {row["source"]: row["family"] for row in (*read_csv(SOURCES_CSV), *read_csv(FILMS_CSV))}
    shared = _shared_contents()
    items = [_item(path.parent, row, families, shared) for path in manifests for row in read_csv(path)]
    content = {
        item.pair_group: item.content for item in items if item.content
    }  # what is made of a frame shows its scene too
    items = [replace(item, content=content.get(item.pair_group, "")) for item in items]
    return [item for item in items if taught_only or item.family not in TAUGHT_ONLY]


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header line."""
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def repositories() -> dict[str, str]:
    """Return source -> repository, so that two samples of one repository never lie on both sides of a split."""
    stills = {row["source"]: row["repository"] for row in read_csv(SOURCES_CSV)}
    films = {row["source"] + half: row["repository"] for row in read_csv(FILMS_CSV) for half in ("", REAL_HALF)}
    return stills | films


def assign_folds(items: Sequence[Item], *, folds: int, by: str = "family") -> dict[str, int]:
    """Deal whole units onto folds; returns source -> fold.

    A unit of fakes is a generator family (`by` "family": the generator was never seen) or a repository (`by`
    "repository": somebody else's pictures of perhaps a known generator). A unit of real pictures is a repository.
    Largest first, each to the fold with the least weight of that label and kind so far, so every fold holds faces and
    scenes of both labels. A source's weight is its root: forty sources of ten matter more than one of four hundred.
    What only teaches is in no fold.
    """
    repository = repositories()
    units: defaultdict[tuple[int, str], list[Item]] = defaultdict(list)
    for item in (i for i in items if i.family not in TAUGHT_ONLY):
        name = item.family if item.label and by == "family" else repository[item.source]
        units[(item.label, name)].append(item)
    load: defaultdict[tuple[int, int, str], float] = defaultdict(float)
    fold_of: dict[str, int] = {}
    for (label, name), members in sorted(units.items(), key=lambda u: (-_weight(u[1]), u[0])):
        kind = Counter(i.kind for i in members).most_common(1)[0][0]
        chosen = min(range(folds), key=lambda f: (load[f, label, kind] + 0.3 * load[f, label, "all"], f, name))
        load[chosen, label, kind] += _weight(members)
        load[chosen, label, "all"] += _weight(members)
        fold_of |= dict.fromkeys({i.source for i in members}, chosen)
    return fold_of


def split(items: Sequence[Item], fold_of: dict[str, int], *, fold: int) -> tuple[list[int], list[int]]:
    """Return (training, held-out) indices; a pair or a film's scene with one part held out leaves training altogether."""
    held = [n for n, item in enumerate(items) if fold_of.get(item.source) == fold]
    shown = {items[n].pair_group for n in held} | {items[n].content for n in held} - {""}
    train = [
        n
        for n, item in enumerate(items)
        if fold_of.get(item.source) != fold and not shown & {item.pair_group, item.content}
    ]
    return train, held


def balanced_weights(items: Iterable[Item]) -> NDArray[np.float64]:
    """Return weights that sum to 1/2 per label and, inside a label, grow with the root of a source's size: (n,)."""
    listed = list(items)
    sizes = Counter(i.source for i in listed)
    raw = np.array([sizes[i.source] ** -0.5 for i in listed])
    labels = np.array([i.label for i in listed])
    for label in (0, 1):
        raw[labels == label] *= 0.5 / max(raw[labels == label].sum(), 1e-12)
    return raw


def _weight(members: Sequence[Item]) -> float:
    return float(sum(count**0.5 for count in Counter(i.source for i in members).values()))


def _shared_contents() -> dict[str, str]:
    """Return source -> content of the films whose repository has both labels: their fakes are made of their real ones."""
    rows = read_csv(FILMS_CSV)
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        labels[row["repository"]] |= {"real", "fake"} if row["label"] == "both" else {row["label"]}
    return {
        row["source"] + half: f"films:{row['repository']}"
        for row in rows
        if len(labels[row["repository"]]) == 2
        for half in ("", REAL_HALF)
    }


def _item(root: Path, row: dict[str, str], families: dict[str, str], contents: dict[str, str]) -> Item:
    return Item(
        path=root / row["path"],
        label=int(row["label"] == "fake"),
        source=row["source"],
        family=families[row["source"]] if row["label"] == "fake" else "",
        kind=row["kind"],
        generator=row["generator"],
        pair_group=row["pair_group"] or f"alone:{Path(row['path']).stem}",
        content=contents.get(row["source"], ""),
    )
