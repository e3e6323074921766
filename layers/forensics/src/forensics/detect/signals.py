"""Cheap measurements of the pixels, turned into words by ranges measured on real photographs (docs/signals.md).

A signal describes; it does not decide. What each one is worth alone is measured in the model card.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.domain.scores import Signal
from forensics.domain.signal_ranges import SignalRange as SignalRange
from forensics.domain.signal_ranges import worded

Plane = NDArray[np.float32]

SAMPLE_SIDE_PX = 512  # measured on the centre square: bounded cost, and borders lie
SMALLEST_SIDE_PX = 64
SIDE_STEP_PX = 16
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class SignalRanges:
    """All ranges by signal name; a signal without a range is not reported."""

    ranges: Mapping[str, SignalRange]

    @classmethod
    def load(cls, path: Path) -> SignalRanges:
        """Read signals.toml; a missing file means no signals."""
        if not path.is_file():
            return cls({})
        with path.open("rb") as handle:
            table = tomllib.load(handle)
        return cls({name: SignalRange(**row) for name, row in table.items()})


def measure_signals(working: NDArray[np.uint8], ranges: SignalRanges) -> tuple[Signal, ...]:
    """Measure the working copy, uint8 (height, width, 3); empty for pictures below 64 pixels.

    A signal's score is how far the value lies outside its range, 0 inside to 1 at one more range width.
    """
    if min(working.shape[:2]) < SMALLEST_SIDE_PX:
        return ()
    luma = luma_sample(working)
    return tuple(
        worded(name, MEASURES[name](luma), ranges.ranges[name], of="real photographs")
        for name in ranges.ranges
        if name in MEASURES
    )


def luma_sample(rgb: NDArray[np.uint8]) -> Plane:
    """Return the luma of the centre square, at most 512 pixels wide: float32 in grey levels."""
    side = min(SAMPLE_SIDE_PX, *rgb.shape[:2])
    side -= side % SIDE_STEP_PX
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    return (rgb[top : top + side, left : left + side] @ _LUMA).astype(np.float32)


def spectrum(luma: Plane) -> float:
    """Return the upper half's share of the power above a quarter of Nyquist, 0..1: autoencoders and upscalers lose it."""
    power = np.abs(np.fft.rfft2(_windowed(luma))) ** 2
    upper, band = _bands(luma.shape[0])
    return float(power[upper].sum() / max(power[band].sum(), 1e-9))


MEASURES: Mapping[str, Callable[[Plane], float]] = {
    "spectrum": spectrum,
}


def _windowed(luma: Plane) -> Plane:
    window = np.hanning(luma.shape[0]).astype(np.float32)
    windowed: Plane = (luma - luma.mean()) * np.outer(window, window)
    return windowed


@lru_cache(maxsize=2)
def _bands(side: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which bins lie above half of Nyquist, and which above a quarter of it; most pictures have the same side."""
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    return (radius > 0.25) & (radius <= 0.5), (radius > 0.125) & (radius <= 0.5)
