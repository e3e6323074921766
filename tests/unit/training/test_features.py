"""A training tensor is a serving tensor."""

from __future__ import annotations

import numpy as np

from forensics.detect.image import stage_views
from forensics.detect.manifest import load_manifest
from forensics.media.tensors import square_view, to_tensor, working_copy
from forensics.settings import ModelSettings
from training.image.features import CLIP_NORM, SIDE_PX

RNG = np.random.default_rng(3)


def test_training_tensor_is_the_serving_tensor() -> None:
    spec = load_manifest(ModelSettings.from_env({}).models_dir / "image").stages[0]
    rgb = RNG.integers(0, 255, (700, 1500, 3), dtype=np.uint8)
    views, _ = stage_views(working_copy(rgb), spec)
    serving = to_tensor(views, norm=spec.norm)
    training = to_tensor(square_view(working_copy(rgb), side=SIDE_PX)[None], norm=CLIP_NORM)
    np.testing.assert_array_equal(serving, training)
