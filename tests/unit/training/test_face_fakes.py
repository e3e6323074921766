"""Forgeries of made-up faces: what is pasted, what stays, and that nothing but the forging differs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV comes with training/requirements.txt")

from training.face import fakes
from training.face.mesh import LEFT_EYE, LIPS, LOWER_LIP, OVAL, POINTS, RIGHT_EYE

SIDE = 240
FAR = np.s_[:20, :20]  # a corner that no face reaches


def generator() -> np.random.Generator:
    return np.random.default_rng(5)


def picture(seed: int) -> np.ndarray:
    """Smooth colours with a little grain, as skin has."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(60, 180, SIDE)[:, None, None] + rng.uniform(-30, 30, 3)
    return np.clip(ramp + rng.normal(0, 6, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


def mesh(*, at: tuple[float, float] = (120.0, 120.0), size: float = 1.0) -> np.ndarray:
    """A face of ellipses: the named points in their places, the rest in the middle."""
    middle = np.array(at)
    points = np.tile(middle, (POINTS, 1))
    around = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    points[list(OVAL)] = middle + size * np.c_[55 * np.sin(around), -70 * np.cos(around)]
    for eye, x in ((LEFT_EYE, -25.0), (RIGHT_EYE, 25.0)):
        points[list(eye)] = middle + size * (
            np.array([x, -15.0]) + np.random.default_rng(1).normal(0, 3, (len(eye), 2))
        )
    points[list(LIPS)] = middle + size * (np.array([0.0, 35.0]) + np.random.default_rng(2).normal(0, 6, (len(LIPS), 2)))
    return points


@pytest.mark.parametrize("seed", range(8))
def test_a_self_blend_changes_the_face_and_nothing_around_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, fake = fakes.self_blend(picture(1), mesh(), rng)
    assert real.shape == fake.shape == (SIDE, SIDE, 3)
    assert fake.dtype == np.uint8
    np.testing.assert_array_equal(real[FAR], fake[FAR])
    assert np.abs(real.astype(int) - fake).max() > 3


def test_the_same_generator_makes_the_same_forgery() -> None:
    first, second = (fakes.self_blend(picture(1), mesh(), generator()) for _ in range(2))
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize("seed", range(6))
def test_a_swap_keeps_the_frame_and_takes_the_others_face(seed: int) -> None:
    target, other = picture(1), picture(2)
    other[..., 0] = 255 - other[..., 0] // 4
    fake = fakes.swap(target, mesh(), other, mesh(at=(110.0, 125.0), size=0.8), np.random.default_rng(seed))
    np.testing.assert_array_equal(fake[FAR], target[FAR])
    assert np.abs(fake[100:140, 100:140].astype(int) - target[100:140, 100:140]).mean() > 1


def test_a_warp_moves_points_to_their_places() -> None:
    black = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    black[118:123, 88:93] = 255  # around (90, 120)
    points = np.array([(90.0, 120.0), (150.0, 120.0), (120.0, 60.0), (120.0, 180.0)])
    moved = fakes.warp(black, points, points + np.array([12, -8]), (SIDE, SIDE), smoothness=0.2)
    ys, xs = np.nonzero(moved[..., 0] > 128)
    assert abs(xs.mean() - 102) < 1.5
    assert abs(ys.mean() - 112) < 1.5


def test_another_expression_moves_the_lips_and_not_the_outline() -> None:
    before = mesh()
    after = fakes.expression(before, generator())
    assert np.abs(after[list(LOWER_LIP)] - before[list(LOWER_LIP)]).max() > 0.5
    np.testing.assert_array_equal(after[OVAL[0]], before[OVAL[0]])
    fake = fakes.reenact(picture(1), before, generator())
    np.testing.assert_array_equal(fake[FAR], picture(1)[FAR])
    assert (fake != picture(1)).any()


def test_matched_colours_have_the_others_mean() -> None:
    mine, theirs = np.full((40, 40, 3), 90, dtype=np.uint8), np.full((40, 40, 3), (180, 120, 100), dtype=np.uint8)
    found = fakes.match_colours(mine, theirs, np.ones((40, 40), dtype=np.float32), strength=1.0)
    assert np.abs(found.astype(int) - theirs).max() <= 2


@pytest.mark.parametrize("name", fakes.COVERS)
def test_covers_lie_on_the_face_and_soften_to_nothing_outside(name: str) -> None:
    mask = fakes.cover((SIDE, SIDE), mesh(), generator(), covers=(name,))
    assert 0.0005 < mask.mean() < 0.45
    soft = fakes.soften(mask, mesh(), generator())
    assert soft.max() <= 1.0
    assert soft.min() >= 0.0
    assert soft[FAR].max() < 0.01


def test_blending_is_the_mask_between_both() -> None:
    dark, bright = np.zeros((4, 4, 3), dtype=np.uint8), np.full((4, 4, 3), 200, dtype=np.uint8)
    mask = np.array([0.0, 0.25, 0.5, 1.0], dtype=np.float32)[None].repeat(4, axis=0)
    assert fakes.blend(dark, bright, mask)[0, :, 0].tolist() == [0, 50, 100, 200]


def test_a_mesh_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="468"):
        fakes.self_blend(picture(1), np.zeros((68, 2)), generator())
