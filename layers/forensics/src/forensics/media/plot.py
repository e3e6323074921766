"""Axes, colours and letters for pictures of measurements (Pillow and numpy only)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

Colour = tuple[int, int, int]
INK: Colour = (38, 42, 50)
GRID: Colour = (226, 229, 234)
PAPER: Colour = (255, 255, 255)
FLAG: Colour = (214, 39, 40)
CALM: Colour = (112, 158, 204)
DOUBT: Colour = (240, 178, 60)

# Dark to bright with even steps of lightness, after matplotlib's "magma" (CC0).
_HEAT = ((0, 0, 4), (40, 17, 89), (114, 31, 129), (182, 54, 121), (241, 96, 93), (254, 175, 119), (252, 253, 191))
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900)
CLOCK_FROM_S = 120  # longer recordings count minutes

Picture = NDArray[np.uint8]


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font in `size` pixels: no font of the machine is needed."""
    return ImageFont.load_default(size)


def heat_colours(share: NDArray[np.float32]) -> Picture:
    """Return colours uint8 (..., 3) for numbers 0..1, dark to bright."""
    return _blend(share, np.linspace(0, 1, len(_HEAT)), _HEAT)


def score_colours(scores: NDArray[np.float32]) -> Picture:
    """Return colours uint8 (..., 3) for P(fake): calm up to 0.3, red from 0.8."""
    return _blend(scores, np.array([0.3, 0.55, 0.8]), (CALM, DOUBT, FLAG))


def time_ticks(duration_s: float, *, most: int) -> Iterator[tuple[float, str]]:
    """Yield at most `most` + 1 round times from 0 to `duration_s` with their labels: seconds, or minutes:seconds of long ones."""
    step = next((s for s in _STEPS_S if duration_s / s <= most), math.ceil(duration_s / most))
    for number in range(int(duration_s / step + 1e-6) + 1):
        yield number * step, time_label(number * step, clock=duration_s > CLOCK_FROM_S)


def time_label(seconds: float, *, clock: bool) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}" if clock else f"{seconds:g}"


def _blend(values: NDArray[np.float32], stops: NDArray[np.float64], colours: tuple[Colour, ...]) -> Picture:
    table = np.array(colours, dtype=np.float64)
    return np.stack([np.interp(values, stops, table[:, c]) for c in range(3)], axis=-1).round().astype(np.uint8)
