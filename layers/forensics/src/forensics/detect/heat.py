"""Patch scores as a map over the picture, and its hottest rectangles as regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forensics.domain.scores import Region
from forensics.media.tensors import Box

GRID_CELLS = 28  # cells along the longer side: two for each patch of a square view
MOST_REGIONS = 3
HOT = 0.5  # P(fake) from which a patch is worth pointing at

Array = NDArray[np.float32]


def paint(patches: Array, boxes: tuple[Box, ...], *, width: int, height: int) -> Array:
    """Spread patch logits (n, rows, cols) of the views at `boxes` over the picture: P(fake), float32 (rows, cols).

    Cells that several views cover take their mean; cells that none covers take the mean of all patches.
    """
    rows, cols = _grid(width=width, height=height)
    total, seen = np.zeros((rows, cols)), np.zeros((rows, cols))
    y = (np.arange(rows) + 0.5) * height / rows
    x = (np.arange(cols) + 0.5) * width / cols
    for view, box in zip(patches, boxes, strict=True):
        r, inside_y = _index(y, start=box.y, length=box.h, cells=view.shape[0])
        c, inside_x = _index(x, start=box.x, length=box.w, cells=view.shape[1])
        covered = np.outer(inside_y, inside_x)
        total += np.where(covered, view[np.ix_(r, c)], 0.0)
        seen += covered
    logits = np.where(seen > 0, total / np.maximum(seen, 1), float(patches.mean()))
    heat: Array = (1.0 / (1.0 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)
    return heat


def as_regions(
    patches: Array, boxes: tuple[Box, ...], shape: tuple[int, ...], working: tuple[int, ...]
) -> tuple[Region, ...]:
    """Return the hottest cells (blocks of 3 x 3) as rectangles in pixels of the decoded picture, hottest first."""
    heat = paint(patches, boxes, width=working[1], height=working[0])
    rows, cols = heat.shape
    left, regions = heat.copy(), list[Region]()
    while len(regions) < MOST_REGIONS and left.max() >= HOT:
        r, c = (int(v) for v in np.unravel_index(int(np.argmax(left)), left.shape))
        top, low, west, east = max(r - 1, 0), min(r + 2, rows), max(c - 1, 0), min(c + 2, cols)
        regions.append(_region(top, low, west, east, heat=heat, shape=shape))
        left[max(r - 3, 0) : r + 4, max(c - 3, 0) : c + 4] = 0.0
    return tuple(regions)


def _region(top: int, low: int, west: int, east: int, *, heat: Array, shape: tuple[int, ...]) -> Region:
    scale_y, scale_x = shape[0] / heat.shape[0], shape[1] / heat.shape[1]
    x, y = int(west * scale_x), int(top * scale_y)
    score = float(heat[top:low, west:east].mean())
    return Region(x=x, y=y, w=max(1, int(east * scale_x) - x), h=max(1, int(low * scale_y) - y), score=score)


def _grid(*, width: int, height: int) -> tuple[int, int]:
    longer = max(width, height)
    return max(1, round(GRID_CELLS * height / longer)), max(1, round(GRID_CELLS * width / longer))


def _index(
    points: NDArray[np.float64], *, start: int, length: int, cells: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    place = (points - start) / length
    return np.clip((place * cells).astype(np.intp), 0, cells - 1), (place >= 0) & (place < 1)
