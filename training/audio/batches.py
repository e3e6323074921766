"""Which windows make a batch: groups of recordings and fakes from one page, so that the page itself gives nothing away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.audio.data import Clip, weights
from training.audio.views import INT16, open_view

PER_LABEL = 2  # windows of each label in a group
GROUP = 2 * PER_LABEL


@dataclass(frozen=True)
class Pool:
    """The training windows: where they lie, and for every page with both labels its rows and their chances."""

    arrays: tuple[NDArray[np.int16], ...]
    places: NDArray[np.int64]  # (rows, 2): array, row
    pages: tuple[tuple[tuple[NDArray[np.int64], NDArray[np.float64]], ...], ...]  # page -> label -> rows, chances
    chances: NDArray[np.float64]  # of every page
    systems: frozenset[str]

    def draw(self, rng: np.random.Generator, *, size: int, samples: int) -> tuple[Tensor, Tensor]:
        """Return windows (size, samples) and labels (size,) as groups of PER_LABEL recordings and as many fakes of one page."""
        chosen: list[int] = []
        for page in rng.choice(len(self.pages), size // GROUP, p=self.chances):
            for rows, chances in self.pages[page]:
                chosen += list(rng.choice(rows, PER_LABEL, p=chances, replace=len(rows) < PER_LABEL))
        start = int(rng.integers(0, self.arrays[0].shape[1] - samples + 1))
        stretches = [self.arrays[a][r, start : start + samples] for a, r in self.places[chosen]]
        signs = rng.choice((-1.0, 1.0), size=(len(chosen), 1)).astype(np.float32)
        windows = np.stack(stretches).astype(np.float32) / INT16 * signs
        labels = np.tile(np.repeat([0.0, 1.0], PER_LABEL), len(chosen) // GROUP)
        return torch.from_numpy(windows), torch.from_numpy(labels.astype(np.float32))


def load_pool(views: list[str], clips: Mapping[str, Clip]) -> Pool:
    """Open the training views; rows of clips that are not in the training part are left out."""
    arrays, places, members = [], [], list[Clip]()
    for number, view in enumerate(views):
        paths, array = open_view("train", view)
        arrays.append(array)
        kept = [row for row, path in enumerate(paths) if path in clips and clips[path].part == "train"]
        places += [(number, row) for row in kept]
        members += [clips[paths[row]] for row in kept]
    weight = weights(members)
    names, labels = np.array([c.page for c in members]), np.array([c.label for c in members])
    pages, chances = [], []
    for name in np.unique(names):
        rows = [np.flatnonzero((names == name) & (labels == label)) for label in (0, 1)]
        if all(len(r) >= PER_LABEL for r in rows):
            pages.append(tuple((r, weight[r] / weight[r].sum()) for r in rows))
            chances.append(weight[names == name].sum())
    total = np.array(chances)
    return Pool(
        tuple(arrays), np.array(places), tuple(pages), total / total.sum(), frozenset(c.system for c in members)
    )
