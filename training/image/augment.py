"""One random history for every picture, whatever its label: crop, rescale, blur or noise, re-encode.

Real and fake pictures come from different sites with different sizes and encoders; a classifier finds that first
(a forest on container facts alone reaches AUC 0.7 to 0.8). After this nothing of the container is left to find.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Rgb = NDArray[np.uint8]
_FILTERS = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS, Image.Resampling.BOX)


@dataclass(frozen=True)
class History:
    """Ranges of the random history; sides in pixels, qualities in Pillow's 0..100, probabilities 0..1."""

    crop_area: tuple[float, float] = (0.45, 1.0)
    crop: float = 0.7
    long_side: tuple[int, int] = (180, 1024)
    largest_zoom: float = 1.6
    rescale: float = 0.75
    blur: float = 0.12
    blur_radius: tuple[float, float] = (0.3, 1.4)
    noise: float = 0.15
    noise_sigma: tuple[float, float] = (1.0, 8.0)
    quality: tuple[int, int] = (40, 98)
    encode: float = 0.92
    encode_twice: float = 0.25
    webp: float = 0.25


def augment(rgb: Rgb, rng: np.random.Generator, history: History = History()) -> Rgb:
    """Return one random version of uint8 (height, width, 3); the label is not an argument, on purpose."""
    image = Image.fromarray(rgb)
    if rng.random() < history.crop:
        image = _crop(image, rng, history.crop_area)
    if rng.random() < history.rescale:
        image = _rescale(image, rng, history)
    if rng.random() < history.blur:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(*history.blur_radius)))
    if rng.random() < history.noise:
        image = add_noise(image, rng, sigma=rng.uniform(*history.noise_sigma))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < history.encode:
        for _ in range(1 + (rng.random() < history.encode_twice)):
            image = reencode(
                image, "WEBP" if rng.random() < history.webp else "JPEG", quality=int(rng.integers(*history.quality))
            )
    return np.asarray(image, dtype=np.uint8)


def neutral(rgb: Rgb, *, long_side: int = 768, quality: int = 92) -> Rgb:
    """Return the fixed re-encoding under which everything is measured "clean": reduced to `long_side`, one JPEG pass."""
    image = Image.fromarray(rgb)
    image.thumbnail((long_side, long_side), Image.Resampling.BICUBIC)
    return np.asarray(reencode(image, "JPEG", quality=quality), dtype=np.uint8)


def reencode(image: Image.Image, fmt: str, *, quality: int) -> Image.Image:
    """Return the picture after one lossy encoding."""
    buffer = io.BytesIO()
    image.save(buffer, fmt, quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def add_noise(image: Image.Image, rng: np.random.Generator, *, sigma: float) -> Image.Image:
    """Return the picture with white Gaussian noise of `sigma` grey levels."""
    values = np.asarray(image, dtype=np.float32)
    noisy = values + rng.normal(0.0, sigma, values.shape).astype(np.float32)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _crop(image: Image.Image, rng: np.random.Generator, area: tuple[float, float]) -> Image.Image:
    share = float(np.sqrt(rng.uniform(*area)))
    aspect = float(np.exp(rng.uniform(-0.15, 0.15)))
    width = min(image.width, max(1, round(image.width * share * aspect)))
    height = min(image.height, max(1, round(image.height * share / aspect)))
    left, top = int(rng.integers(0, image.width - width + 1)), int(rng.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _rescale(image: Image.Image, rng: np.random.Generator, history: History) -> Image.Image:
    low, high = history.long_side
    now = max(image.size)
    target = min(float(np.exp(rng.uniform(np.log(low), np.log(high)))), now * history.largest_zoom)
    size = (max(16, round(image.width * target / now)), max(16, round(image.height * target / now)))
    return image.resize(size, _FILTERS[int(rng.integers(len(_FILTERS)))])
