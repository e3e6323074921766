"""The whole-view head as an ONNX graph that pools the encoder's tokens itself, so nothing is pooled in serving code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.image.features import EARLY, EMBEDDING, MIDDLE
from training.image.semantic import LinearHead

EMBEDDING_WIDTH, TOKEN_WIDTH, GRID = 512, 768, 14
OPSET, IR_VERSION = 17, 8


Affine = tuple[NDArray[np.float64], NDArray[np.float64]]  # weights (width, k), offset (k,)


def export_head(head: LinearHead, *, distance: Affine, families: Affine, path: Path) -> None:
    """Write the graph: encoder outputs -> logit (n,), patches (n, 14, 14), distance (n,), families (n, k).

    A patch's logit is its own share: mean pooling is linear in the tokens, and a deviation s equals the mean of
    (token - mean)^2 / s, so the mean over patches is exactly the picture's logit.
    `distance` maps the embedding onto unit-variance axes of the training set, `families` the pooled vector to logits.
    """
    projection, offset = distance
    constants = {
        "w_embed": head.weights[:EMBEDDING_WIDTH, None],
        "bias": np.array([head.bias]),
        "projection": projection,
        "offset": offset,
        "w_families": families[0],
        "b_families": families[1],
    }
    nodes = [helper.make_node("MatMul", [EMBEDDING, "w_embed"], ["embed_term"])]  # (n, 1)
    at = EMBEDDING_WIDTH
    pooled = [f"{statistic}_{tag}" for tag in ("early", "middle") for statistic in ("m", "s")]
    for tag, tokens in (("early", EARLY), ("middle", MIDDLE)):
        constants[f"w_mean_{tag}"] = head.weights[at : at + TOKEN_WIDTH, None]
        constants[f"w_std_{tag}"] = head.weights[at + TOKEN_WIDTH : at + 2 * TOKEN_WIDTH, None]
        at += 2 * TOKEN_WIDTH
        nodes += _patch_terms(tag, tokens)
    nodes += [
        helper.make_node("Add", ["patch_early", "patch_middle"], ["patch_sum"]),  # (n, 196, 1)
        helper.make_node("Squeeze", ["patch_sum", "last_axis"], ["patch_flat"]),  # (n, 196)
        helper.make_node("Add", ["embed_term", "bias"], ["whole"]),  # (n, 1)
        helper.make_node("Add", ["patch_flat", "whole"], ["patch_logits"]),
        helper.make_node("ReduceMean", ["patch_logits"], ["logit"], axes=[1], keepdims=0),
        helper.make_node("Reshape", ["patch_logits", "grid"], ["patches"]),
        helper.make_node("MatMul", [EMBEDDING, "projection"], ["projected"]),
        helper.make_node("Add", ["projected", "offset"], ["axes"]),
        helper.make_node("Mul", ["axes", "axes"], ["axes_squared"]),
        helper.make_node("ReduceMean", ["axes_squared"], ["distance_squared"], axes=[1], keepdims=0),
        helper.make_node("Sqrt", ["distance_squared"], ["distance"]),
        *(helper.make_node("Squeeze", [s, "token_axis"], [f"{s}_flat"]) for s in pooled),
        helper.make_node("Concat", [EMBEDDING, *(f"{s}_flat" for s in pooled)], ["pooled"], axis=1),  # (n, 3584)
        helper.make_node("MatMul", ["pooled", "w_families"], ["family_scores"]),
        helper.make_node("Add", ["family_scores", "b_families"], ["family_logits"]),
        helper.make_node("Softmax", ["family_logits"], ["families"], axis=1),
    ]
    _save(nodes, constants, path, families=families[1].shape[0])


def _patch_terms(tag: str, tokens: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Slice", [tokens, "one", "end", "token_axis"], [f"t_{tag}"]),  # (n, 196, 768)
        helper.make_node("ReduceMean", [f"t_{tag}"], [f"m_{tag}"], axes=[1], keepdims=1),
        helper.make_node("Sub", [f"t_{tag}", f"m_{tag}"], [f"d_{tag}"]),
        helper.make_node("Mul", [f"d_{tag}", f"d_{tag}"], [f"d2_{tag}"]),
        helper.make_node("ReduceMean", [f"d2_{tag}"], [f"var_{tag}"], axes=[1], keepdims=1),
        helper.make_node("Sqrt", [f"var_{tag}"], [f"s_{tag}"]),
        helper.make_node("Div", [f"d2_{tag}", f"s_{tag}"], [f"share_{tag}"]),
        helper.make_node("MatMul", [f"t_{tag}", f"w_mean_{tag}"], [f"by_mean_{tag}"]),
        helper.make_node("MatMul", [f"share_{tag}", f"w_std_{tag}"], [f"by_std_{tag}"]),
        helper.make_node("Add", [f"by_mean_{tag}", f"by_std_{tag}"], [f"patch_{tag}"]),
    ]


def _save(nodes: list[onnx.NodeProto], constants: dict[str, NDArray[np.float64]], path: Path, *, families: int) -> None:
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    integers = {"one": [1], "end": [1 << 31], "token_axis": [1], "last_axis": [2], "grid": [0, GRID, GRID]}
    tensors += [numpy_helper.from_array(np.array(value, dtype=np.int64), name) for name, value in integers.items()]
    inputs = [
        _value(EMBEDDING, ["n", EMBEDDING_WIDTH]),
        *(_value(t, ["n", GRID * GRID + 1, TOKEN_WIDTH]) for t in (EARLY, MIDDLE)),
    ]
    outputs = [
        _value("logit", ["n"]),
        _value("patches", ["n", GRID, GRID]),
        _value("distance", ["n"]),
        _value("families", ["n", families]),
    ]
    graph = helper.make_graph(nodes, "whole_view_head", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _value(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
