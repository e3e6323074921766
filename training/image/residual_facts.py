"""What a picture's noise residual and its spectrum look like: the classic features that networks are compared with.

The azimuthal average of the log power spectrum is that of Durall et al. 2020, "Unmasking DeepFakes with simple Features";
the high-pass kernel is the 5x5 one of the rich models (Fridrich & Kodovsky 2012, "Rich Models for Steganalysis").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve

from training.image.augment import Rgb

Floats = NDArray[np.float64]

SIDE_PX = 256
RINGS = 64
LAGS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (0, 8), (8, 0))  # eight pixels: the grid of JPEG
CUT_GREY_LEVELS = 4.0
FLAT_VARIANCE = 1e-6  # grey levels squared: below it only rounding is left
KERNEL = (
    np.array(
        [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]],
        dtype=np.float64,
    )
    / 12
)
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def residual_facts(rgb: Rgb) -> Floats:
    """Return spectrum, spread, tails and correlations of the residual of the centre of uint8 (height, width, 3): (73,)."""
    luma = centre(rgb) @ _LUMA
    residual = convolve(luma, KERNEL, mode="reflect")
    cut = np.clip(residual, -CUT_GREY_LEVELS, CUT_GREY_LEVELS)
    spread = max(float(cut.std()), 1e-6)
    return np.concatenate(
        [rings(residual), [np.log(spread), tails(residual)], [correlation(cut, *lag) for lag in LAGS]]
    )


def tails(residual: Floats) -> float:
    """Return the logarithm of the residual's kurtosis, log 3 for Gaussian noise; 0 where it is flat."""
    squared = (residual - residual.mean()) ** 2
    variance = float(squared.mean())
    return float(np.log((squared**2).mean() / variance**2)) if variance > FLAT_VARIANCE else 0.0


def rings(residual: Floats) -> Floats:
    """Return the log power of the residual's spectrum averaged over rings, less its mean: (RINGS,)."""
    window = np.hanning(SIDE_PX)
    power = np.log(np.abs(np.fft.fftshift(np.fft.fft2(residual * window[:, None] * window))) ** 2 + 1e-3)
    axis = np.arange(SIDE_PX) - SIDE_PX // 2
    radius = np.hypot(axis[:, None], axis)
    ring = np.minimum((radius / (SIDE_PX / 2) * RINGS).astype(int), RINGS)  # corners beyond Nyquist: one ring more
    sums = np.bincount(ring.ravel(), power.ravel(), RINGS + 1)[:RINGS]
    profile = sums / np.bincount(ring.ravel(), minlength=RINGS + 1)[:RINGS]
    return np.asarray(profile - profile.mean())


def correlation(residual: Floats, down: int, right: int) -> float:
    """Return the correlation of the residual with itself moved by so many pixels, -1..1; 0 where it is flat."""
    height, width = residual.shape
    one, other = residual[: height - down, : width - right], residual[down:, right:]
    spread = one.std() * other.std()
    if spread <= FLAT_VARIANCE:
        return 0.0
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread)


def centre(rgb: Rgb) -> Rgb:
    """Return the centre square of SIDE_PX pixels in native resolution, mirrored outwards where the picture is smaller."""
    missing = [max(0, SIDE_PX - side) for side in rgb.shape[:2]]
    if any(missing):
        rgb = np.pad(rgb, [(m // 2, m - m // 2) for m in missing] + [(0, 0)], mode="symmetric")
    top, left = (rgb.shape[0] - SIDE_PX) // 2, (rgb.shape[1] - SIDE_PX) // 2
    return rgb[top : top + SIDE_PX, left : left + SIDE_PX]
