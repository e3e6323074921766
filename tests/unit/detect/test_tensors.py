"""The one preprocessing: sizes, coverage, determinism."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.media.tensors import Normalisation, crop_boxes, native_crops, square_view, to_tensor, working_copy

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (224, 224), (480, 640), (3000, 2000)])
def test_views_have_their_size_whatever_the_picture(shape: tuple[int, int]) -> None:
    rgb = RNG.integers(0, 255, (*shape, 3), dtype=np.uint8)
    working = working_copy(rgb)
    assert max(working.shape) <= 1024
    assert square_view(working, side=224).shape == (224, 224, 3)
    crops, boxes, zoom = native_crops(working, side=224, most=4)
    assert crops.shape == (len(boxes), 224, 224, 3) and 1 <= len(boxes) <= 4 and zoom >= 1


def test_crops_are_the_pixels_themselves_when_nothing_is_enlarged() -> None:
    rgb = RNG.integers(0, 255, (300, 500, 3), dtype=np.uint8)
    crops, boxes, zoom = native_crops(rgb, side=224, most=4)
    assert zoom == 1
    for crop, box in zip(crops, boxes, strict=True):
        np.testing.assert_array_equal(crop, rgb[box.y : box.y + box.h, box.x : box.x + box.w])


def test_boxes_reach_all_four_edges() -> None:
    boxes = crop_boxes(width=700, height=500, side=224, most=4)
    assert min(b.x for b in boxes) == 0 and max(b.x + b.w for b in boxes) == 700
    assert min(b.y for b in boxes) == 0 and max(b.y + b.h for b in boxes) == 500


def test_tensor_is_normalised_channel_first() -> None:
    views = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    views[..., 0] = 255
    tensor = to_tensor(views, norm=Normalisation((0.5, 0.25, 0.0), (0.5, 0.25, 1.0)))
    assert tensor.shape == (1, 3, 2, 2) and tensor.dtype == np.float32 and tensor.flags.c_contiguous
    np.testing.assert_allclose(tensor[0, :, 0, 0], [1.0, -1.0, 0.0], atol=1e-6)
