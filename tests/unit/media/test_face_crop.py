"""The aligned crop of a face: where landmarks land, and what does not change it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from forensics.media.face_crop import CANONICAL, CROP_SIDE_PX, aligned, in_crop, similarity


def smooth(height: int = 480, width: int = 640) -> NDArray[np.uint8]:
    """A picture whose colour tells the place: red grows to the right, green downwards."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 / width, y * 255 / height, (x + y) % 50], axis=-1).astype(np.uint8)


def placed(scale: float, degrees: float, x: float, y: float) -> NDArray[np.float64]:
    turn = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (CANONICAL - CROP_SIDE_PX / 2) @ matrix.T + (x, y)


def off(crop: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> int:
    return int(np.abs(crop.astype(int) - wanted).max())


def test_a_crop_of_the_canonical_face_is_the_picture_itself() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (CROP_SIDE_PX, CROP_SIDE_PX, 3), dtype=np.uint8)
    assert off(aligned(picture, CANONICAL), picture) <= 1  # interpolation cuts fractions off


def test_a_whole_shift_moves_whole_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    crop = aligned(picture, CANONICAL + np.array([20, 31]))
    assert off(crop, picture[31 : 31 + CROP_SIDE_PX, 20 : 20 + CROP_SIDE_PX]) <= 1


@pytest.mark.parametrize("scale", [0.3, 0.8, 1.0, 1.7, 2.0, 2.4, 3.0])
@pytest.mark.parametrize("degrees", [-90.0, -20.0, 0.0, 45.0])
def test_landmarks_land_on_the_canonical_ones(scale: float, degrees: float) -> None:
    picture, landmarks = smooth(1200, 1600), placed(scale, degrees, 800, 600)
    crop = aligned(picture, landmarks)
    for (x, y), (at_x, at_y) in zip(landmarks, CANONICAL, strict=True):
        seen = crop[round(at_y), round(at_x), :2].astype(float) * (1600 / 255, 1200 / 255)
        assert np.abs(seen - (x, y)).max() < 2 * 1600 / 255  # two steps of the colours
    assert np.allclose(in_crop(landmarks, landmarks), CANONICAL, atol=1e-6)


def test_a_picture_half_as_large_gives_nearly_the_same_crop() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (15, 20, 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(noise).resize((1280, 960), Image.Resampling.BICUBIC))
    small = np.asarray(Image.fromarray(large).reduce(2))
    face = placed(4.0, 10.0, 640, 480)
    difference = aligned(large, face).astype(int) - aligned(small, (face + 0.5) / 2 - 0.5)
    assert np.abs(difference).mean() < 1.0


def test_beyond_the_picture_its_edge_is_repeated() -> None:
    crop = aligned(np.full((40, 40, 3), 77, dtype=np.uint8), placed(1.0, 0.0, 0, 0))
    assert crop.shape == (CROP_SIDE_PX, CROP_SIDE_PX, 3) and set(np.unique(crop)) == {77}


def test_noisy_landmarks_are_never_mirrored() -> None:
    flipped = CANONICAL * (-1, 1)
    linear, _ = similarity(CANONICAL, flipped)
    assert np.linalg.det(linear) > 0


def test_landmarks_on_one_point_are_refused() -> None:
    with pytest.raises(ValueError, match="one point"):
        aligned(smooth(), np.full((5, 2), 9.0))
