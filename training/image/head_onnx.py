"""The whole-view head as an ONNX graph that pools the encoder's tokens itself, so nothing is pooled in serving code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.image.features import BLOCKS, EARLY, EMBEDDING, MIDDLE
from training.image.semantic import Head

EMBEDDING_WIDTH, TOKEN_WIDTH, GRID = 512, 768, 14
OPSET, IR_VERSION = 17, 8
# A patch is shown as if a fifth of the picture were like it; at full strength every patch saturates at 0 or 1.
PATCH_SHARE = 0.2


Affine = tuple[NDArray[np.float64], NDArray[np.float64]]  # weights (width, k), offset (k,)


def export_head(head: Head, *, distance: Affine, families: Affine, path: Path) -> None:
    """Write the graph: encoder outputs -> logit (n,), altered (n,), patches (n, 14, 14), distance (n,), families (n, k).

    A patch's logit is the picture's plus the patch's first-order share of the pooled statistics: the gradient of the logit
    times (token - mean) for a mean, and times (token - mean)^2 / s - s for a deviation s. Both shares average to zero over
    the patches, so the mean of the map is exactly the picture's logit, however the shares are damped (PATCH_SHARE). Class
    tokens and embedding are of the whole picture and move all patches alike.
    `distance` maps the embedding onto unit-variance axes of the training set, `families` the pooled vector to logits.
    """
    constants = {
        "offset": head.offset,
        "outward": head.outward,
        "outward_rows": head.outward.T,
        "bias": head.bias,
        "projection": distance[0],
        "axes_offset": distance[1],
        "w_families": families[0],
        "b_families": families[1],
        "damping": np.array([PATCH_SHARE]),
        "half": np.array([0.5]),
        "unit": np.array([1.0]),
        "root_half": np.array([np.sqrt(0.5)]),
        "density": np.array([1 / np.sqrt(2 * np.pi)]),
    }
    make = helper.make_node
    pooled = [f"{statistic}_{tag}" for tag in ("early", "middle") for statistic in ("m", "s")]  # (n, 1, 768) each
    nodes = [*_statistics("early", EARLY), *_statistics("middle", MIDDLE)]
    nodes += [make("Squeeze", [s, "token_axis"], [f"{s}_flat"]) for s in pooled]
    own = [f"class_{n}" for n in range(len(BLOCKS))]  # (n, 768) each
    nodes += [make("Gather", [tokens, "first"], [name], axis=1) for tokens, name in zip(BLOCKS, own, strict=True)]
    joined = [EMBEDDING, *(f"{s}_flat" for s in pooled), *own]
    nodes += [make("Concat", joined, ["pooled"], axis=1), *_network()]  # (n, 8192)
    at = EMBEDDING_WIDTH
    for tag in ("early", "middle"):
        nodes += _shares(tag, start=at)
        at += 2 * TOKEN_WIDTH
    starts = {f"from_{n}": [n] for n in range(EMBEDDING_WIDTH, at + 1, TOKEN_WIDTH)}
    nodes += [
        make("Add", ["share_early", "share_middle"], ["share"]),  # (n, 196, 1)
        make("Squeeze", ["share", "last_axis"], ["share_full"]),  # (n, 196)
        make("Mul", ["share_full", "damping"], ["share_flat"]),
        make("Add", ["share_flat", "logit_column"], ["patch_logits"]),
        make("Reshape", ["patch_logits", "grid"], ["patches"]),
        make("MatMul", [EMBEDDING, "projection"], ["projected"]),
        make("Add", ["projected", "axes_offset"], ["axes"]),
        make("Mul", ["axes", "axes"], ["axes_squared"]),
        make("ReduceMean", ["axes_squared"], ["distance_squared"], axes=[1], keepdims=0),
        make("Sqrt", ["distance_squared"], ["distance"]),
        make("MatMul", ["pooled", "w_families"], ["family_scores"]),
        make("Add", ["family_scores", "b_families"], ["family_logits"]),
        make("Softmax", ["family_logits"], ["families"], axis=1),
    ]
    _save(nodes, head.inward, constants, starts, path, families=families[1].shape[0])


def _statistics(tag: str, tokens: str) -> list[onnx.NodeProto]:
    make = helper.make_node
    return [
        make("Slice", [tokens, "one", "end", "token_axis"], [f"t_{tag}"]),  # (n, 196, 768), class token left out
        make("ReduceMean", [f"t_{tag}"], [f"m_{tag}"], axes=[1], keepdims=1),
        make("Sub", [f"t_{tag}", f"m_{tag}"], [f"d_{tag}"]),
        make("Mul", [f"d_{tag}", f"d_{tag}"], [f"d2_{tag}"]),
        make("ReduceMean", [f"d2_{tag}"], [f"var_{tag}"], axes=[1], keepdims=1),
        make("Sqrt", [f"var_{tag}"], [f"s_{tag}"]),
    ]


def _network() -> list[onnx.NodeProto]:
    """The head and the gradient of its logit: gelu(h) = h P(h), gelu'(h) = P(h) + h p(h), P and p of the unit normal.

    The logit is the logarithm of the voices' summed exponentials, so their softmax is its gradient by the voices.
    """
    make = helper.make_node
    return [
        make("Cast", ["inward_half"], ["inward"], to=TensorProto.FLOAT),  # folded when the session starts
        make("MatMul", ["pooled", "inward"], ["hidden_sum"]),
        make("Add", ["hidden_sum", "offset"], ["hidden"]),  # (n, units)
        make("Mul", ["hidden", "root_half"], ["hidden_scaled"]),
        make("Erf", ["hidden_scaled"], ["erf"]),
        make("Add", ["erf", "unit"], ["erf_up"]),
        make("Mul", ["erf_up", "half"], ["normal_cdf"]),
        make("Mul", ["hidden", "normal_cdf"], ["gelu"]),
        make("MatMul", ["gelu", "outward"], ["voices_sum"]),
        make("Add", ["voices_sum", "bias"], ["voices"]),  # (n, voices)
        make("ReduceLogSumExp", ["voices"], ["logit_column"], axes=[1], keepdims=1),  # (n, 1)
        make("Softmax", ["voices"], ["heard"], axis=1),  # how much of the logit is each voice's
        make("Gather", ["heard", "second"], ["altered"], axis=1),
        make("Squeeze", ["logit_column", "token_axis"], ["logit"]),
        make("Mul", ["hidden_scaled", "hidden_scaled"], ["half_square"]),
        make("Neg", ["half_square"], ["exponent"]),
        make("Exp", ["exponent"], ["bell"]),
        make("Mul", ["bell", "density"], ["normal_pdf"]),
        make("Mul", ["hidden", "normal_pdf"], ["slope_part"]),
        make("Add", ["slope_part", "normal_cdf"], ["slope"]),
        make("MatMul", ["heard", "outward_rows"], ["outward_heard"]),  # (n, units)
        make("Mul", ["slope", "outward_heard"], ["unit_gradient"]),
        make("Gemm", ["unit_gradient", "inward"], ["gradient"], transB=1),  # (n, 8192)
    ]


def _shares(tag: str, *, start: int) -> list[onnx.NodeProto]:
    make = helper.make_node
    middle, stop = start + TOKEN_WIDTH, start + 2 * TOKEN_WIDTH
    return [
        make("Slice", ["gradient", f"from_{start}", f"from_{middle}", "token_axis"], [f"gm_row_{tag}"]),
        make("Slice", ["gradient", f"from_{middle}", f"from_{stop}", "token_axis"], [f"gs_row_{tag}"]),
        make("Unsqueeze", [f"gm_row_{tag}", "last_axis"], [f"gm_{tag}"]),  # (n, 768, 1)
        make("Unsqueeze", [f"gs_row_{tag}", "last_axis"], [f"gs_{tag}"]),
        make("Div", [f"d2_{tag}", f"s_{tag}"], [f"spread_{tag}"]),
        make("Sub", [f"spread_{tag}", f"s_{tag}"], [f"excess_{tag}"]),
        make("MatMul", [f"d_{tag}", f"gm_{tag}"], [f"by_mean_{tag}"]),
        make("MatMul", [f"excess_{tag}", f"gs_{tag}"], [f"by_std_{tag}"]),
        make("Add", [f"by_mean_{tag}", f"by_std_{tag}"], [f"share_{tag}"]),
    ]


def _save(
    nodes: list[onnx.NodeProto],
    inward: NDArray[np.float64],
    constants: dict[str, NDArray[np.float64]],
    starts: dict[str, list[int]],
    path: Path,
    *,
    families: int,
) -> None:
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    tensors.append(numpy_helper.from_array(inward.astype(np.float16), "inward_half"))
    integers = {"one": [1], "end": [1 << 31], "token_axis": [1], "last_axis": [2], "grid": [0, GRID, GRID], **starts}
    tensors += [numpy_helper.from_array(np.array(value, dtype=np.int64), name) for name, value in integers.items()]
    tensors += [
        numpy_helper.from_array(np.array(n, dtype=np.int64), name) for n, name in enumerate(("first", "second"))
    ]
    inputs = [
        _value(EMBEDDING, ["n", EMBEDDING_WIDTH]),
        *(_value(t, ["n", GRID * GRID + 1, TOKEN_WIDTH]) for t in BLOCKS),
    ]
    outputs = [
        _value("logit", ["n"]),
        _value("altered", ["n"]),
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
