"""The mouth of a face from frame to frame, small and grey: what lip_sync compares with the voice."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.media.articulation import HZ, moving
from forensics.media.face_crop import CANONICAL, cut, similarity

WIDTH, HEIGHT = 24, 16
# The mouth's rectangle in the canonical crop of `face_crop`, in pixels: left, top, width, height.
LEFT, TOP, WIDE, HIGH = 64.0, 132.0, 96.0, 64.0
_FINER = 2  # sampled so many times as densely, then averaged
_BORDER_PX = 3

Rgb = NDArray[np.uint8]


def mouth_of(rgb: Rgb, landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the mouth, turned upright, as grey levels 0..255: (HEIGHT * WIDTH,), row by row.

    `rgb` is uint8 (height, width, 3), `landmarks` (5, 2) as in `face_crop.aligned`; raises ValueError as that does.
    """
    linear, shift = similarity(CANONICAL, landmarks)
    corners = (
        np.array([(LEFT, TOP), (LEFT + WIDE, TOP), (LEFT, TOP + HIGH), (LEFT + WIDE, TOP + HIGH)]) @ linear.T + shift
    )
    left, top = (int(v) - _BORDER_PX for v in np.floor(corners.min(axis=0)))
    right, bottom = (int(v) + _BORDER_PX + 1 for v in np.ceil(corners.max(axis=0)))
    grey = Image.fromarray(cut(rgb, left, top, right, bottom)).convert("L")
    step = WIDE / WIDTH / _FINER
    reduction = max(1, int(math.sqrt(abs(np.linalg.det(linear))) * step))
    if reduction > 1:
        grey = grey.reduce(reduction)
    scaled = linear * (step / reduction)
    # Pillow's pixel centres lie at halves, those of landmarks at whole numbers.
    origin = (linear @ np.array([LEFT - 0.5, TOP - 0.5]) + shift + 0.5 - (left, top)) / reduction
    matrix = (scaled[0, 0], scaled[0, 1], origin[0], scaled[1, 0], scaled[1, 1], origin[1])
    size = (_FINER * WIDTH, _FINER * HEIGHT)
    fine = np.asarray(grey.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR), dtype=np.float32)
    return np.asarray(fine.reshape(HEIGHT, _FINER, WIDTH, _FINER).mean(axis=(1, 3)).ravel())


def mouth_moving(times_s: NDArray[np.floating], mouths: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return mouths (n, HEIGHT * WIDTH), seen at ascending seconds (n,), at HZ from the first on, as `moving` leaves them."""
    levels = (mouths - mouths.mean()) / (mouths.std() + 1e-6)
    grid = times_s[0] + np.arange(int((times_s[-1] - times_s[0]) * HZ) + 1) / HZ
    after = np.clip(np.searchsorted(times_s, grid), 1, len(times_s) - 1)
    gap = np.maximum(times_s[after] - times_s[after - 1], 1e-6)
    share = np.clip((grid - times_s[after - 1]) / gap, 0, 1)[:, None]
    return moving(levels[after - 1] * (1 - share) + levels[after] * share)
