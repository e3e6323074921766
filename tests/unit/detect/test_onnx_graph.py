"""Cutting a graph by hand: the same numbers from fewer nodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from forensics.detect.onnx import ModelInputError, ModelUnavailable, OnnxModel
from forensics.detect.onnx_graph import any_size, cut_graph, graph_after_layers, initializers
from tests.unit.detect.tiny import chain

X = np.arange(3, dtype=np.float32)[None]


def test_cut_keeps_only_what_the_output_needs(tmp_path: Path) -> None:
    whole = chain(["x", "a", "b", "c"])  # each step adds 1
    path = tmp_path / "cut.onnx"
    path.write_bytes(cut_graph(whole, outputs=["a"]))
    model = OnnxModel(path)
    assert model.outputs == ("a",)
    np.testing.assert_array_equal(model.run({"x": X})["a"], X + 1)
    assert b"add_c" in whole and b"add_c" not in path.read_bytes()


def test_outputs_come_in_the_order_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "two.onnx"
    path.write_bytes(cut_graph(chain(["x", "a", "b"]), outputs=["b", "a"]))
    assert OnnxModel(path).outputs == ("b", "a")


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(ValueError, match="nope"):
        cut_graph(chain(["x", "a"]), outputs=["nope"])


def test_missing_and_damaged_files_name_the_file_and_the_remedy(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"not a model")
    for path in (tmp_path / "absent.onnx", damaged):
        with pytest.raises(ModelUnavailable, match=rf"{path.name}.*make setup"):
            OnnxModel(path)


@pytest.mark.parametrize("feeds", [{"y": X}, {"x": X.astype(np.float64)}, {"x": X[0]}, {"x": X[:, :2]}])
def test_wrong_inputs_are_refused_before_they_run(tmp_path: Path, feeds: dict[str, np.ndarray]) -> None:
    path = tmp_path / "chain.onnx"
    path.write_bytes(chain(["x", "a"]))
    with pytest.raises(ModelInputError):
        OnnxModel(path).run(feeds)


def test_layers_can_take_the_place_of_what_computes_a_tensor(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((5, 4)).astype(np.float32), rng.standard_normal((4, 3)).astype(np.float32)
    bias = [rng.standard_normal(4).astype(np.float32), rng.standard_normal(3).astype(np.float32)]
    layers = [(first, bias[0]), (second, bias[1])]
    graph = graph_after_layers(chain(["x", "a", "b", "c"]), tensor="b", source="new", layers=layers)
    model = OnnxModel(tmp_path / "absent.onnx", graph=graph)
    assert set(model.inputs) == {"new"}
    given = rng.standard_normal((7, 1, 5)).astype(np.float32)
    hidden = np.maximum(given @ first + bias[0], 0)
    np.testing.assert_allclose(model.run({"new": given})["c"], np.maximum(hidden @ second + bias[1], 0) + 1, rtol=1e-5)
    with pytest.raises(ValueError, match="nope"):
        graph_after_layers(chain(["x", "a"]), tensor="nope", source="new", layers=layers)


def test_weights_are_read_by_name() -> None:
    model = onnx.load_from_string(chain(["x", "a"]))
    (stored,) = model.graph.initializer
    (name, values), *_ = initializers(model.SerializeToString()).items()
    assert name == stored.name
    np.testing.assert_array_equal(values, onnx.numpy_helper.to_array(stored))


def test_a_graph_made_for_one_size_takes_others(tmp_path: Path) -> None:
    def images(name: str) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 1, 4, 4])

    kernel = onnx.helper.make_tensor_value_info("kernel", onnx.TensorProto.FLOAT, [1, 1, 1, 1])
    weight = onnx.numpy_helper.from_array(np.full((1, 1, 1, 1), 2, np.float32), "kernel")
    node = onnx.helper.make_node("Conv", ["picture", "kernel"], ["double"])
    graph = onnx.helper.make_graph([node], "fixed", [images("picture"), kernel], [images("double")], [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "open.onnx"
    path.write_bytes(any_size(cut_graph(model.SerializeToString(), outputs=["double"])))
    opened = OnnxModel(path)
    assert list(opened.inputs) == ["picture"]
    picture = np.ones((1, 1, 6, 8), np.float32)
    np.testing.assert_array_equal(opened.run({"picture": picture})["double"], 2 * picture)
