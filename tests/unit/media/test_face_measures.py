"""What one aligned face measures: each measure moves with the fault it is named for, and with nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from forensics.media.face_crop import CROP_SIDE_PX
from forensics.media.face_measures import face_shading, skin_against_eyes, skin_texture

Crop = NDArray[np.uint8]
FACE = (slice(60, 200), slice(60, 165))
CHEEKS = (slice(118, 154), slice(60, 164))


def grainy() -> Crop:
    noise = np.random.default_rng(2).normal(0, 12, (CROP_SIDE_PX, CROP_SIDE_PX, 1))
    return np.clip(128 + noise, 0, 255).repeat(3, axis=2).astype(np.uint8)


def smoothed(crop: Crop, area: tuple[slice, slice]) -> Crop:
    soft = np.asarray(Image.fromarray(crop).filter(ImageFilter.GaussianBlur(2)))
    made = crop.copy()
    made[area] = soft[area]
    return made


def test_even_grain_measures_nothing() -> None:
    assert abs(skin_texture(grainy())) < 0.1
    assert abs(skin_against_eyes(grainy())) < 0.15


def test_a_smoothed_face_lies_below_a_picture_that_was_smoothed_as_a_whole() -> None:
    whole = (slice(0, CROP_SIDE_PX), slice(0, CROP_SIDE_PX))
    assert skin_texture(smoothed(grainy(), FACE)) < skin_texture(smoothed(grainy(), whole)) - 1
    assert abs(skin_texture(smoothed(grainy(), whole))) < 0.2


def test_smoothed_cheeks_beside_sharp_eyes() -> None:
    assert skin_against_eyes(smoothed(grainy(), CHEEKS)) < -1


def test_a_face_lit_from_the_left_in_even_light_and_in_light_from_the_left() -> None:
    ramp = np.linspace(1.3, 0.7, CROP_SIDE_PX)[None, :, None]
    lit = (128 * ramp * np.ones((CROP_SIDE_PX, 1, 3))).astype(np.uint8)
    pasted = np.full_like(lit, 128)
    pasted[FACE] = lit[FACE]
    assert face_shading(np.full_like(lit, 128)) == 0
    assert face_shading(pasted) > 0.15


def test_flat_crops_are_finite() -> None:
    for level in (0, 255):
        crop = np.full((CROP_SIDE_PX, CROP_SIDE_PX, 3), level, dtype=np.uint8)
        assert (skin_texture(crop), skin_against_eyes(crop), face_shading(crop)) == (0.0, 0.0, 0.0)
