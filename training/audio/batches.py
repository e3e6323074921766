"""Which windows make a batch: groups of recordings and fakes from one page, so that the page itself gives nothing away.

Sources with one label only (corpora, synthesisers run by hand) meet in groups of their own, LONE of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.audio.data import Clip, weights
from training.audio.views import open_view

PER_LABEL = 2  # windows of each label in a group
LONE = 0.12  # of the groups: fakes and recordings of unlike sources

Rows = tuple[NDArray[np.int64], NDArray[np.float64]]  # rows and their chances


@dataclass(frozen=True)
class Pool:
    """The training windows: where they lie, and for every page with both labels its rows and their chances."""

    places: NDArray[np.int64]  # (rows, 2): view, row
    pages: tuple[tuple[Rows, Rows], ...]  # of every page, then of the lone sources together: recordings, fakes
    chances: NDArray[np.float64]  # of every page
    systems: frozenset[str]


def load_pool(views: list[str], clips: Mapping[str, Clip]) -> Pool:
    """Open the training views; rows of clips that are not in the training part are left out."""
    places, members = [], list[Clip]()
    for number, view in enumerate(views):
        paths, _ = open_view("train", view)
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
    return Pool(np.array(places), tuple(pages), total, frozenset(c.system for c in members))


def _alike(rows: NDArray[np.int64], weight: NDArray[np.float64]) -> Rows:
    return rows, weight[rows] / weight[rows].sum()
