"""The residual and spectrum features of the baseline."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from training.image.residual_facts import LAGS, RINGS, residual_facts


def noise(*, side: int = 300) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(90, 166, (side, side, 3), dtype=np.uint8)


def test_an_upscaled_picture_has_less_of_the_highest_rings_than_its_original() -> None:
    original = noise()
    small = Image.fromarray(original).resize((150, 150), Image.Resampling.BICUBIC)
    upscaled = np.asarray(small.resize((300, 300), Image.Resampling.BICUBIC))
    highest = [residual_facts(rgb)[RINGS - 8 : RINGS].mean() for rgb in (original, upscaled)]
    assert highest[1] < highest[0] - 1.0  # natural log of power


def test_a_grid_of_eight_pixels_shows_in_the_correlation_at_that_distance() -> None:
    flat = np.full((256, 256, 3), 128, dtype=np.int16)
    flat[::8, ::8] += 6
    along = dict(zip(LAGS, residual_facts(flat.astype(np.uint8))[RINGS + 2 :], strict=True))
    assert along[(8, 0)] > 0.9 > along[(2, 0)]


@pytest.mark.parametrize("shape", [(40, 300, 3), (1, 1, 3), (256, 256, 3)])
def test_small_and_flat_pictures_give_finite_features(shape: tuple[int, ...]) -> None:
    facts = residual_facts(np.full(shape, 77, dtype=np.uint8))
    assert facts.shape == (RINGS + 2 + len(LAGS),)
    assert np.isfinite(facts).all()
