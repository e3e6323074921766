"""Which windows make a batch: groups of recordings and fakes from one page, so that the page itself gives nothing away.

Sources with one label only (corpora, synthesisers run by hand) meet in groups of their own, LONE of all. Some windows are
joined from two of their group: a fake with a recording is still fake, two recordings are still one, so the joint says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.audio.data import Clip, weights
from training.audio.views import INT16, open_view

PER_LABEL = 2  # windows of each label in a group
GROUP = 2 * PER_LABEL
LONE = 0.12  # of the groups: fakes and recordings of unlike sources
JOINED = 0.15  # of the windows
LEAST_KEPT = 0.4  # of a joined window stays its own

Rows = tuple[NDArray[np.int64], NDArray[np.float64]]  # rows and their chances


@dataclass(frozen=True)
class Pool:
    """The training windows: where they lie, and for every page with both labels its rows and their chances."""

    arrays: tuple[NDArray[np.int16], ...]
    places: NDArray[np.int64]  # (rows, 2): array, row
    pages: tuple[tuple[Rows, Rows], ...]  # of every page, then of the lone sources together: recordings, fakes
    chances: NDArray[np.float64]  # of every page
    systems: frozenset[str]

    def draw(
        self, rng: np.random.Generator, *, size: int, samples: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return windows (size, samples) and labels (size,) as groups of PER_LABEL recordings and as many fakes of one page."""
        chosen: list[int] = []
        for page in rng.choice(len(self.pages), size // GROUP, p=self.chances):
            for rows, chances in self.pages[page]:
                chosen += list(rng.choice(rows, PER_LABEL, p=chances, replace=len(rows) < PER_LABEL))
        start = int(rng.integers(0, self.arrays[0].shape[1] - samples + 1))
        stretches = [self.arrays[a][r, start : start + samples] for a, r in self.places[chosen]]
        signs = rng.choice((-1.0, 1.0), size=(len(chosen), 1)).astype(np.float32)
        windows = joined(np.stack(stretches).astype(np.float32) / INT16 * signs, rng)
        labels = np.tile(np.repeat([0.0, 1.0], PER_LABEL), len(chosen) // GROUP)
        return windows, labels.astype(np.float32)


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
    pages, chances, lone = [], list[float](), ([list[int](), list[int]()])
    for name in np.unique(names):
        rows = [np.flatnonzero((names == name) & (labels == label)) for label in (0, 1)]
        if all(len(r) >= PER_LABEL for r in rows):
            pages.append((_alike(rows[0], weight), _alike(rows[1], weight)))
            chances.append(float(weight[names == name].sum()))
        for kept, own in zip(lone, rows, strict=True):
            kept += list(own) if len(rows[0]) < PER_LABEL or len(rows[0]) > 3 * len(rows[1]) else []
    total = np.array(chances) / sum(chances)
    if all(lone):
        pages.append((_alike(np.array(lone[0]), weight), _alike(np.array(lone[1]), weight)))
        total = np.append(total * (1 - LONE), LONE)
    return Pool(tuple(arrays), np.array(places), tuple(pages), total, frozenset(c.system for c in members))


def _alike(rows: NDArray[np.int64], weight: NDArray[np.float64]) -> Rows:
    return rows, weight[rows] / weight[rows].sum()


def joined(windows: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the windows (groups * GROUP, samples) with one end of some replaced by that of a recording of their group."""
    result = windows.copy()
    count, samples = windows.shape
    for row in np.flatnonzero(rng.random(count) < JOINED):
        first = row // GROUP * GROUP
        other = first + (PER_LABEL - 1 - (row - first) if row - first < PER_LABEL else int(rng.integers(PER_LABEL)))
        kept = int(samples * rng.uniform(LEAST_KEPT, 1))
        lost = slice(kept, samples) if rng.random() < 0.5 else slice(0, samples - kept)
        result[row, lost] = windows[other, lost]
    return result
