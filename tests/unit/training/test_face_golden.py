"""The face model's training tensor is its serving tensor, and its graph says what its network said."""

from __future__ import annotations

import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest

from forensics.detect.face_forgery import FaceForgery
from forensics.detect.manifest import read_stage
from forensics.media.face_crop import CANONICAL, aligned
from forensics.media.tensors import to_tensor

MODELS = Path(__file__).parents[3] / "models"
RNG = np.random.default_rng(3)


def picture() -> np.ndarray:
    return RNG.integers(0, 256, (300, 320, 3), dtype=np.uint8)


def test_the_served_tensor_is_the_trained_one() -> None:
    """Training divides (pixel - 127) by 128 as the ImageNet weights want it; the manifest must say the same."""
    table = tomllib.loads((MODELS / "face" / "manifest.toml").read_text())
    norm = read_stage(MODELS / "face", table["stages"][0]).norm
    crop = aligned(picture(), CANONICAL * 1.3 + 5)[None]
    np.testing.assert_allclose(to_tensor(crop, norm=norm)[0, 0], (crop[0, ..., 0] - 127.0) / 128, atol=2e-3)


def test_the_shipped_model_scores_any_number_of_crops() -> None:
    crops = RNG.integers(0, 256, (11, 224, 224, 3), dtype=np.uint8)
    model = FaceForgery.load(MODELS)
    together, alone = model.score(crops), np.concatenate([model.score(crops[n : n + 1]) for n in range(11)])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert model.score(crops[:0]).shape == (0,)


def test_an_exported_network_says_what_torch_says(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")
    pytest.importorskip("onnx", reason="onnx comes with training/requirements.txt, not with the lock")
    from forensics.detect.onnx import OnnxModel
    from training.face.export import export_net, raw_logits
    from training.face.net import NORM, FaceNet

    torch.manual_seed(0)
    net = FaceNet().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's TorchScript exporter announces its end
        export_net(net, tmp_path / "face.onnx")
    crops = RNG.integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    with torch.inference_mode():
        wanted = net(torch.from_numpy(to_tensor(crops, norm=NORM))).numpy()
    np.testing.assert_allclose(raw_logits(OnnxModel(tmp_path / "face.onnx"), crops), wanted, atol=1e-4)
