"""Training and serving see the same numbers: tensors, head, artefact network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx comes with training/requirements.txt, not with the lock")
pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")
pytest.importorskip("sklearn", reason="scikit-learn comes with training/requirements.txt, not with the lock")

from forensics.detect.onnx import OnnxModel
from training.image.features import BLOCKS, EARLY, EMBEDDING, pool
from training.image.head_onnx import export_head
from training.image.semantic import Head

RNG = np.random.default_rng(3)
WIDTH = 512 + 4 * 768 + 6 * 768


def encoder_outputs() -> dict[str, np.ndarray]:
    tokens = {name: RNG.normal(0, 1, (1, 197, 768)).astype(np.float32) for name in BLOCKS}
    return {EMBEDDING: RNG.normal(0, 1, (1, 512)).astype(np.float32), **tokens}


def a_head(*, bias: tuple[float, float]) -> Head:
    """Two networks of twelve units, one for each voice, in the half precision that ships."""
    inward = RNG.normal(0, 0.02, (WIDTH, 24)).astype(np.float16).astype(np.float64)
    outward = RNG.normal(0, 0.3, (24, 2)) * np.repeat(np.eye(2), 12, axis=0)
    return Head(inward, RNG.normal(0, 0.2, 24), outward, np.array(bias))


def test_head_graph_equals_numpy_and_its_patches_average_to_the_logit(tmp_path: Path) -> None:
    head = a_head(bias=(0.3, -0.4))
    distance = (RNG.normal(0, 0.1, (512, 48)), RNG.normal(0, 0.1, 48))
    families = (RNG.normal(0, 0.02, (WIDTH, 3)), np.array([0.1, 0.0, -0.1]))
    export_head(head, distance=distance, families=families, path=tmp_path / "head.onnx")
    raw = encoder_outputs()
    found = OnnxModel(tmp_path / "head.onnx").run(raw)
    vector = pool(raw)
    assert found["logit"][0] == pytest.approx(float(head.logits(vector)), abs=1e-4)
    assert found["altered"][0] == pytest.approx(float(head.altered(vector)), abs=1e-4)
    assert found["patches"].mean() == pytest.approx(found["logit"][0], abs=1e-4)
    axes = raw[EMBEDDING][0] @ distance[0] + distance[1]
    assert found["distance"][0] == pytest.approx(float(np.sqrt((axes**2).mean())), abs=1e-4)
    scores = np.exp(vector.astype(np.float64) @ families[0] + families[1])
    np.testing.assert_allclose(found["families"][0], scores / scores.sum(), atol=1e-4)


def test_a_hot_patch_is_where_its_tokens_push_the_logit(tmp_path: Path) -> None:
    """Raise one patch's tokens along the gradient: the map peaks there."""
    head = a_head(bias=(0.0, 0.0))
    nothing = (np.zeros((512, 2)), np.zeros(2))
    export_head(head, distance=nothing, families=(np.zeros((WIDTH, 2)), np.zeros(2)), path=tmp_path / "head.onnx")
    raw = encoder_outputs()
    vector = pool(raw)
    step = 1e-2 * np.eye(WIDTH, dtype=np.float32)[512 : 512 + 768]
    gradient = (head.logits(vector + step) - head.logits(vector)) / 1e-2
    raw[EARLY][0, 1 + 40] += (2 * gradient / np.linalg.norm(gradient) * 10).astype(np.float32)
    patches = OnnxModel(tmp_path / "head.onnx").run(raw)["patches"][0]
    assert int(patches.argmax()) == 40


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's TorchScript exporter announces its end, twice
def test_artefact_network_exports_to_the_same_numbers(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")
    from training.image.artefact_net import ArtefactNet
    from training.image.export import export_artefacts

    torch.manual_seed(0)
    net = ArtefactNet().eval()
    torch.save({"net": net.state_dict()}, tmp_path / "all.pt")
    export_artefacts(tmp_path / "all.pt", path=tmp_path / "net.onnx")
    pixels = RNG.normal(0, 1, (2, 3, 224, 224)).astype(np.float32)
    found = OnnxModel(tmp_path / "net.onnx").run({"pixels": pixels})
    with torch.inference_mode():
        logit, cells = net(torch.from_numpy(pixels))
    np.testing.assert_allclose(found["logit"], logit.numpy(), atol=1e-4)
    np.testing.assert_allclose(found["patches"], cells.numpy(), atol=1e-4)
