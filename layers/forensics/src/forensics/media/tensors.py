"""Pixels to model inputs: the one preprocessing of training and serving (numpy and Pillow only, deterministic)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Beyond this the pixels of a camera original show its demosaicing, not its content; generators draw at about this size.
WORKING_SIDE_PX = 1024
TOLERATED = 1.3125  # 1344 pixels: a megapixel in any usual shape is not worth the reduction
# A second crop along an axis pays only when it shows mostly new pixels.
_NEW_CROP_SHARE = 0.35


@dataclass(frozen=True)
class Normalisation:
    """Channel means and deviations in units of full scale (0..1), RGB order."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the array it was cut from."""

    x: int
    y: int
    w: int
    h: int


def working_copy(
    rgb: NDArray[np.uint8], *, max_side: int = WORKING_SIDE_PX, tolerated: float = TOLERATED
) -> NDArray[np.uint8]:
    """Return `rgb` (height, width, 3), reduced to `max_side` pixels when its longer side exceeds `tolerated` times that."""
    height, width = rgb.shape[:2]
    scale = max_side / max(height, width)
    return (
        rgb
        if scale * tolerated >= 1
        else _resize(rgb, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
    )


def square_view(rgb: NDArray[np.uint8], *, side: int) -> NDArray[np.uint8]:
    """Return the centre square of the picture resized so that the shorter side is `side`: uint8 (side, side, 3)."""
    resized = at_least(rgb, side=side, shrink=True)
    height, width = resized.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    return resized[top : top + side, left : left + side]


def at_least(rgb: NDArray[np.uint8], *, side: int, shrink: bool = False) -> NDArray[np.uint8]:
    """Enlarge until the shorter side is `side` pixels; with `shrink` reduce to it as well."""
    height, width = rgb.shape[:2]
    scale = side / min(height, width)
    if scale == 1 or (scale < 1 and not shrink):
        return rgb
    return _resize(rgb, width=max(side, round(width * scale)), height=max(side, round(height * scale)))


def crop_boxes(*, width: int, height: int, side: int, most: int) -> tuple[Box, ...]:
    """Return up to `most` evenly spaced squares of `side` pixels that cover a picture of at least that size."""
    cols, rows = _steps(width, side), _steps(height, side)
    while cols * rows > most:
        cols, rows = (cols - 1, rows) if cols >= rows else (cols, rows - 1)
    return tuple(Box(x, y, side, side) for y in _starts(height, side, rows) for x in _starts(width, side, cols))


def native_crops(rgb: NDArray[np.uint8], *, side: int, most: int) -> tuple[NDArray[np.uint8], tuple[Box, ...], float]:
    """Cut squares at native resolution, smaller pictures enlarged first.

    Returns uint8 (n, side, side, 3), the boxes in pixels of the (possibly enlarged) picture, and that enlargement >= 1.
    """
    picture = at_least(rgb, side=side)
    height, width = picture.shape[:2]
    boxes = crop_boxes(width=width, height=height, side=side, most=most)
    crops = np.stack([picture[b.y : b.y + b.h, b.x : b.x + b.w] for b in boxes])
    return crops, boxes, width / rgb.shape[1]


def to_tensor(views: NDArray[np.uint8], *, norm: Normalisation) -> NDArray[np.float32]:
    """Turn uint8 (n, height, width, 3) into normalised float32 (n, 3, height, width)."""
    mean = np.asarray(norm.mean, dtype=np.float32) * np.float32(255.0)
    scale = np.float32(1.0) / (np.asarray(norm.std, dtype=np.float32) * np.float32(255.0))
    scaled = (views.astype(np.float32) - mean) * scale
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _steps(length: int, side: int) -> int:
    return max(1, int((length / side) + 1 - _NEW_CROP_SHARE))


def _starts(length: int, side: int, count: int) -> list[int]:
    room = length - side
    return [room // 2] if count == 1 else [round(i * room / (count - 1)) for i in range(count)]


def _resize(rgb: NDArray[np.uint8], *, width: int, height: int) -> NDArray[np.uint8]:
    image = Image.fromarray(rgb).resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(image, dtype=np.uint8)
