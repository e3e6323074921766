"""A face and its five landmarks to one upright crop: the one preprocessing of faces in training and serving."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CROP_SIDE_PX = 224

# Left and right eye (the picture's left first), nose tip, left and right corner of the mouth, in pixels of the crop. The
# proportions are ArcFace's template (Deng et al. 2019), drawn smaller: from hairline to chin a face takes about four fifths of
# the crop, so that the seams of pasted faces, which run along jaw, cheeks and forehead, lie inside it.
CANONICAL = np.array(
    [(84.9, 100.2), (138.9, 99.9), (112.0, 130.9), (89.9, 162.5), (134.6, 162.2)],
    dtype=np.float64,
)
EYE_DISTANCE_PX = 54.0  # between the canonical eyes
LEAST_SPREAD_PX = 1.0
_BORDER_PX = 3  # what bicubic interpolation reads around a pixel

Rgb = NDArray[np.uint8]
Points = NDArray[np.floating]


def aligned(rgb: Rgb, landmarks: Points) -> Rgb:
    """Return the face turned upright and scaled to the canonical one: uint8 (224, 224, 3).

    `rgb` is uint8 (height, width, 3), `landmarks` (5, 2) holds x and y in its pixels: left eye, right eye, nose, left and right
    corner of the mouth. Pixels beyond the picture repeat its edge. Raises ValueError when the landmarks lie on one point.
    """
    linear, shift = similarity(CANONICAL, landmarks)
    left, top, right, bottom = _bounds(linear, shift)
    region = Image.fromarray(cut(rgb, left, top, right, bottom))
    reduction = max(
        1, math.floor(math.sqrt(abs(np.linalg.det(linear))))
    )  # bicubic reads 4 pixels, so the rest is averaged first
    if reduction > 1:
        region = region.reduce(reduction)
    scaled = linear / reduction
    moved = (shift - (left, top)) / reduction
    # Pillow's pixel centres lie at halves on both sides, ours at whole numbers.
    half = scaled @ (-0.5, -0.5) + moved + 0.5 / reduction
    matrix = (scaled[0, 0], scaled[0, 1], half[0], scaled[1, 0], scaled[1, 1], half[1])
    crop = region.transform((CROP_SIDE_PX, CROP_SIDE_PX), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return np.asarray(crop, dtype=np.uint8)


def similarity(source: Points, target: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rotation times scale (2, 2) and shift (2,) that bring `source` (n, 2) closest to `target` (n, 2), never mirrored.

    Umeyama 1991, least squares. Raises ValueError when one set lies on one point.
    """
    source, target = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    middle_s, middle_t = source.mean(axis=0), target.mean(axis=0)
    centred_s, centred_t = source - middle_s, target - middle_t
    if min(np.ptp(source, axis=0).max(), np.ptp(target, axis=0).max()) < LEAST_SPREAD_PX:
        raise ValueError("the landmarks lie on one point")
    left, stretch, right = np.linalg.svd(centred_t.T @ centred_s)
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    scale = float((stretch * signs).sum() / (centred_s**2).sum())
    linear = scale * (left * signs) @ right
    return linear, middle_t - linear @ middle_s


def in_crop(points: Points, landmarks: Points) -> NDArray[np.float64]:
    """Return where points (n, 2) of the picture lie in the crop that `aligned` makes with these landmarks; raises as it does."""
    linear, shift = similarity(CANONICAL, landmarks)
    return (np.asarray(points, dtype=np.float64) - shift) @ np.linalg.inv(linear).T


def _bounds(linear: NDArray[np.float64], shift: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """Return the rectangle of the picture that the crop reads: left, top, right, bottom in whole pixels."""
    far = CROP_SIDE_PX - 1
    corners = np.array([(0, 0), (far, 0), (0, far), (far, far)]) @ linear.T + shift
    border = _BORDER_PX * max(1, math.ceil(math.sqrt(abs(np.linalg.det(linear)))))
    left, top = (int(v) for v in np.floor(corners.min(axis=0)) - border)
    right, bottom = (int(v) for v in np.ceil(corners.max(axis=0)) + border + 1)
    return left, top, right, bottom


def cut(rgb: Rgb, left: int, top: int, right: int, bottom: int) -> Rgb:
    """Return a rectangle of the picture, the picture's edge repeated beyond it."""
    if left >= 0 and top >= 0 and right <= rgb.shape[1] and bottom <= rgb.shape[0]:
        return np.ascontiguousarray(rgb[top:bottom, left:right])
    rows = np.clip(np.arange(top, bottom), 0, rgb.shape[0] - 1)
    columns = np.clip(np.arange(left, right), 0, rgb.shape[1] - 1)
    return rgb[rows[:, None], columns[None, :]]
