"""One random history for both halves of a pair, and disturbances that make a real crop look smooth without a generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from training.image.augment import Rgb, add_noise, reencode

MARGIN_PX = 12  # cut after encoding, so the 8 x 8 grid of JPEG falls anywhere


@dataclass(frozen=True)
class PairHistory:
    """Sides in pixels, radii in pixels, noise in grey levels, qualities in Pillow's 0..100, probabilities 0..1."""

    side: int
    zoom: tuple[float, float]
    unscaled: float
    blend: float
    smooth_real: float
    blur: float
    noise: float
    encode: float
    encode_twice: float
    webp: float
    quality: tuple[int, int]


def twins(pair: NDArray[np.uint8], *, history: PairHistory, seed: int) -> tuple[Rgb, Rgb]:
    """Return the real and the redrawn crop, uint8 (side, side, 3), cut from (2, n, n, 3) at one place with one history."""
    rng = np.random.default_rng(seed)
    want = history.side + MARGIN_PX
    zoom = 1.0 if rng.random() < history.unscaled else float(np.exp(rng.uniform(*np.log(history.zoom))))
    size = min(pair.shape[1], round(want / zoom))
    top, left = rng.integers(0, pair.shape[1] - size + 1, 2)
    region = np.ascontiguousarray(pair[:, top : top + size, left : left + size])
    real, drawn = Image.fromarray(region[0]), Image.fromarray(region[1])
    if rng.random() < history.blend:
        drawn = blend(drawn, real, rng)
    if rng.random() < history.smooth_real:
        real = smooth(real, rng)
    later = int(rng.integers(1 << 31))
    first, second = (_lived(image, want, history, np.random.default_rng(later)) for image in (real, drawn))
    return first, second


def blend(drawn: Image.Image, real: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Leave an elliptic patch of the redrawn crop inside the real one, edges feathered."""
    size = drawn.width
    rows, cols = np.ogrid[:size, :size]
    centre, radius = rng.uniform(0.3, 0.7, 2) * size, rng.uniform(0.3, 0.55, 2) * size
    inside = ((rows - centre[0]) / radius[0]) ** 2 + ((cols - centre[1]) / radius[1]) ** 2 < 1
    mask = Image.fromarray((inside * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 5)))
    return Image.composite(drawn, real, mask)


def smooth(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Blur, take the median, reduce and enlarge, or sharpen: what cameras and editors do, and generators look like."""
    kind, size = rng.random(), image.width
    if kind < 0.3:
        return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    if kind < 0.5:
        return image.filter(ImageFilter.MedianFilter(3))
    if kind < 0.8:
        small = max(8, round(size * rng.uniform(0.45, 0.9)))
        return image.resize((small, small), _filter(rng)).resize((size, size), _filter(rng))
    return image.filter(ImageFilter.UnsharpMask(rng.uniform(0.5, 2), int(rng.integers(30, 150)), 0))


def _lived(image: Image.Image, want: int, history: PairHistory, rng: np.random.Generator) -> Rgb:
    """Rescale, blur, add noise, encode and cut; the same draws for the same generator state, whatever the picture."""
    resampling = _filter(rng)
    if image.width != want:
        image = image.resize((want, want), resampling)
    if rng.random() < history.blur:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if rng.random() < history.noise:
        image = add_noise(image, rng, sigma=rng.uniform(1, 6))
    if rng.random() < history.encode:
        for _ in range(1 + (rng.random() < history.encode_twice)):
            image = reencode(
                image, "WEBP" if rng.random() < history.webp else "JPEG", quality=int(rng.integers(*history.quality))
            )
    top, left = (int(v) for v in rng.integers(0, MARGIN_PX + 1, 2))
    crop = np.asarray(image, dtype=np.uint8)[top : top + history.side, left : left + history.side]
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def _filter(rng: np.random.Generator) -> Image.Resampling:
    return Image.Resampling(int(rng.choice([1, 2, 3, 4])))
