"""The face model's door: its manifest, its preprocessing and its calibration, on a made network that averages pixels."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest

from forensics.detect.face_forgery import BATCH, FaceForgery, has_face_model
from forensics.detect.onnx import ModelUnavailable
from forensics.media.face_crop import CROP_SIDE_PX
from forensics.usecases.video_model import read_video_model
from localcloud.emulator import ROOT

MANIFEST = """
name = "face"
version = "1"
licence = "Apache-2.0"
[[stages]]
name = "face"
file = "face.onnx"
sha256 = "{sha256}"
view = "face"
side = 224
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
slope = 2.0
intercept = -1.0
weight = 1.0
[stills.normal]
synthetic = 0.8
authentic = 0.2
fpr = 0.01
recall = 0.5
measured_on = "made up"
[stills.strict]
synthetic = 0.7
authentic = 0.2
fpr = 0.05
recall = 0.6
measured_on = "made up"
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A model whose logit is the mean of the normalised pixels, -1..1."""
    pixels = onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["n", 3, CROP_SIDE_PX, CROP_SIDE_PX])
    logit = onnx.helper.make_tensor_value_info("logit", onnx.TensorProto.FLOAT, ["n"])
    node = onnx.helper.make_node("ReduceMean", ["pixels"], ["logit"], axes=[1, 2, 3], keepdims=0)
    graph = onnx.helper.make_graph([node], "mean", [pixels], [logit])
    opsets = [onnx.helper.make_opsetid("", 17)]
    data = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    (tmp_path / "face").mkdir()
    (tmp_path / "face" / "face.onnx").write_bytes(data)
    (tmp_path / "face" / "manifest.toml").write_text(MANIFEST.format(sha256=hashlib.sha256(data).hexdigest()))
    return tmp_path


def grey(*levels: int) -> np.ndarray:
    return np.stack([np.full((CROP_SIDE_PX, CROP_SIDE_PX, 3), level, np.uint8) for level in levels])


def test_crops_become_calibrated_logits(models: Path) -> None:
    model = FaceForgery.load(models)
    assert (model.name, model.version, has_face_model(models)) == ("face", "1", True)
    np.testing.assert_allclose(model.score(grey(0, 255)), [2 * -1 - 1, 2 * 1 - 1], atol=1e-4)
    assert model.score(grey(0)[:0]).shape == (0,)
    assert (model.normal.thresholds.synthetic, model.strict.thresholds.synthetic) == (0.8, 0.7)


def test_many_crops_keep_their_order(models: Path) -> None:
    scores = FaceForgery.load(models).score(grey(*range(0, 10 * (2 * BATCH + 1), 10)))
    assert scores.shape == (2 * BATCH + 1,) and bool((np.diff(scores) > 0).all())


def test_other_sizes_are_a_fault_of_ours(models: Path) -> None:
    with pytest.raises(ValueError, match="crops"):
        FaceForgery.load(models).score(np.zeros((1, 64, 64, 3), np.uint8))


def test_a_missing_or_changed_model_names_the_remedy(models: Path, tmp_path: Path) -> None:
    assert not has_face_model(tmp_path / "nowhere")
    with pytest.raises(ModelUnavailable, match=r"face/manifest\.toml.*make setup"):
        FaceForgery.load(tmp_path / "nowhere")
    (models / "face" / "face.onnx").write_bytes(b"other")
    with pytest.raises(ModelUnavailable, match="checksum"):
        FaceForgery.load(models)


def test_a_shipped_model_is_in_the_workers_image_and_has_thresholds_for_videos() -> None:
    shipped = has_face_model(ROOT / "models")
    copied = "COPY models/face " in (ROOT / "functions/video_frames/Dockerfile").read_text()
    rule = read_video_model(ROOT / "models").faces
    assert copied == shipped, "functions/video_frames/Dockerfile copies models/face when there is one"
    assert (rule is not None) == shipped, "python -m training.video.measure --again writes the rule for faces"
