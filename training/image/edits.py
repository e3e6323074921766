"""Which fakes are edits of a real picture, and which pictures show one content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.image.data import TAUGHT_ONLY, Item

SWAPS = ("swap2d", "deep_swap")
# Families that start from a real picture; so does every other fake that shares its content with a real one of the data.
EDITS = (
    *SWAPS,
    "autoencoder",
    "inpaint_gan",
    "resshift",
    "restoration",
    "animegan",
    "face_edit",
    "cyclegan",
    "diffusionclip",
    "clip_edit",
    "colourisation",
    "anyedit",
    "byteedit",
    "geoedit",
    "palette",
    "step1x",
    "lip_sync",
    "talking_head",
    *TAUGHT_ONLY,
)


def in_pairs(items: Sequence[Item]) -> NDArray[np.bool_]:
    """Return which pictures share their content with one of the other label: (n,)."""
    labels: defaultdict[str, set[int]] = defaultdict(set)
    for item in items:
        labels[item.pair_group].add(item.label)
    return np.array([len(labels[item.pair_group]) == 2 for item in items], dtype=np.bool_)


def altered(items: Sequence[Item]) -> NDArray[np.bool_]:
    """Return which pictures are fakes that start from a real one: by their family, or because the real one is there too: (n,)."""
    fake = np.array([item.label == 1 for item in items], dtype=np.bool_)
    edits = np.array([item.family in EDITS for item in items], dtype=np.bool_)
    return fake & (edits | in_pairs(items))


def pairs_of_one_content(items: Sequence[Item]) -> NDArray[np.int64]:
    """Return every (original, edit) as indices: (pairs, 2)."""
    groups: defaultdict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for n, item in enumerate(items):
        groups[item.pair_group][item.label].append(n)
    found = [(real, edit) for reals, edits in groups.values() for real in reals for edit in edits]
    return np.array(found, dtype=np.int64).reshape(-1, 2)
