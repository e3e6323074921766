"""Cut an ONNX file to the outputs or inputs that are wanted, with nothing but the protobuf wire format (protobuf.dev, "Encoding").

A third-party encoder computes blocks that nothing here reads. onnxruntime runs a whole graph whatever outputs are asked
for, so the unused tail is cut once at set-up; the `onnx` package is not needed for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_KIND = 1, 2, 4
_VALUE_NAME = 1
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_FLOAT = b"\x01"

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]
_FLOAT_TENSOR_TYPE = b"\x0a\x02\x08\x01"  # TypeProto{tensor_type{elem_type: FLOAT}}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def cut_graph(model: bytes, *, outputs: Sequence[str]) -> bytes:
    """Return the model reduced to what computes `outputs` (tensor names, float32), in that order.

    The result is a pure function of its arguments, so its checksum can be pinned. Raises ValueError on an unknown name.
    """
    view = memoryview(model)
    fields = list(_fields(view))
    graph = next(body for number, body, _ in fields if number == _MODEL_GRAPH)
    kept = b"".join(bytes(raw) for number, _, raw in fields if number != _MODEL_GRAPH)
    return kept + _field(_MODEL_GRAPH, _cut(graph, outputs=outputs))


def graph_after_layers(model: bytes, *, tensor: str, source: str, layers: Sequence[Layer]) -> bytes:
    """Return the model with `tensor` computed from a new input by dense layers, each rectified.

    `source` names the new input, float32 (n, 1, features); a layer is a weight (features, out) and a bias (out,). Outputs
    stay, and so do inputs that they still need. Raises ValueError on an unknown `tensor`.
    """
    view = memoryview(model)
    fields = list(_fields(view))
    graph = list(_fields(next(body for number, body, _ in fields if number == _MODEL_GRAPH)))
    makers = _makers(graph)
    if tensor not in makers:
        raise ValueError(f"the graph computes no {tensor}")
    outputs = [_text(body, _VALUE_NAME) for number, body, _ in graph if number == _GRAPH_OUTPUT]
    needed = _needed({**makers, tensor: ()}, outputs)
    kept = [bytes(raw) for number, body, raw in graph if _stays(number, body, needed - {tensor})]
    head = b"".join(bytes(raw) for number, _, raw in fields if number != _MODEL_GRAPH)
    new = [*_dense(source, tensor, layers), _field(_GRAPH_INPUT, _value(source, rank=3))]
    return head + _field(_MODEL_GRAPH, b"".join([*new, *kept]))  # nodes stand in the order in which they run


def any_size(model: bytes) -> bytes:
    """Return the model with its images' sizes left open: inputs float32 of rank 4, what is no image no longer listed.

    For graphs that were exported for one size although nothing in them needs it (convolutions alone). Cut it first: the outputs
    must declare no sizes. The result is a pure function of its argument.
    """
    fields = list(_fields(memoryview(model)))
    graph = list(_fields(next(body for number, body, _ in fields if number == _MODEL_GRAPH)))
    weights = {_text(body, _TENSOR_NAME) for number, body, _ in graph if number == _GRAPH_INITIALIZER}
    read = {name for number, body, _ in graph if number == _GRAPH_NODE for name in _names(body)[0]}
    names = [_text(body, _VALUE_NAME) for number, body, _ in graph if number == _GRAPH_INPUT]
    parts = [bytes(raw) for number, _, raw in graph if number != _GRAPH_INPUT]
    parts += [_field(_GRAPH_INPUT, _value(name, rank=4)) for name in names if name in read - weights]
    head = b"".join(bytes(raw) for number, _, raw in fields if number != _MODEL_GRAPH)
    return head + _field(_MODEL_GRAPH, b"".join(parts))


def initializers(model: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the model's float32 weights by name; those stored in another way than as raw bytes are left out."""
    graph = next(body for number, body, _ in _fields(memoryview(model)) if number == _MODEL_GRAPH)
    found = {}
    for number, tensor, _ in _fields(graph):
        if number == _GRAPH_INITIALIZER:
            parts = list(_fields(tensor))
            raw = next((body for part, body, _ in parts if part == _TENSOR_RAW), None)
            if raw is not None and any(part == _TENSOR_TYPE and body == _FLOAT for part, body, _ in parts):
                shape = [_varint(body, 0)[0] for part, body, _ in parts if part == _TENSOR_DIMS]
                found[_text(tensor, _TENSOR_NAME)] = np.frombuffer(raw, dtype="<f4").reshape(shape)
    return found


def _makers(graph: Sequence[tuple[int, memoryview, memoryview]]) -> dict[str, tuple[str, ...]]:
    nodes = [_names(body) for number, body, _ in graph if number == _GRAPH_NODE]
    return {out: ins for ins, outs in nodes for out in outs}


def _stays(number: int, body: memoryview, needed: set[str]) -> bool:
    if number == _GRAPH_NODE:
        return bool(needed & set(_names(body)[1]))
    if number == _GRAPH_INITIALIZER:
        return _text(body, _TENSOR_NAME) in needed
    return _text(body, _VALUE_NAME) in needed if number == _GRAPH_INPUT else number != _GRAPH_VALUE_INFO


def _dense(source: str, target: str, layers: Sequence[Layer]) -> Iterator[bytes]:
    at = source
    for number, (weight, bias) in enumerate(layers):
        names = [f"{target}/{part}_{number}" for part in ("weight", "bias", "product", "sum", "rectified")]
        to = target if number == len(layers) - 1 else names[4]
        yield _field(_GRAPH_INITIALIZER, _tensor(names[0], weight))
        yield _field(_GRAPH_INITIALIZER, _tensor(names[1], bias))
        yield _field(_GRAPH_NODE, _node("MatMul", [at, names[0]], names[2]))
        yield _field(_GRAPH_NODE, _node("Add", [names[2], names[1]], names[3]))
        yield _field(_GRAPH_NODE, _node("Relu", [names[3]], to))
        at = to


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    ins = b"".join(_field(_NODE_INPUT, name.encode()) for name in inputs)
    return ins + _field(_NODE_OUTPUT, output.encode()) + _field(_NODE_KIND, kind.encode())


def _tensor(name: str, values: NDArray[np.float32]) -> bytes:
    dims = b"".join(_encoded(_TENSOR_DIMS << 3) + _encoded(size) for size in values.shape)
    kind = _encoded(_TENSOR_TYPE << 3) + _FLOAT
    return dims + kind + _field(_TENSOR_NAME, name.encode()) + _field(_TENSOR_RAW, values.astype("<f4").tobytes())


def _value(name: str, *, rank: int) -> bytes:
    """Return ValueInfoProto{name, type{tensor_type{FLOAT, shape of `rank` named dimensions}}}."""
    shape = b"".join(_field(1, _field(2, f"{name}_{axis}".encode())) for axis in range(rank))
    return _field(1, name.encode()) + _field(2, _field(1, b"\x08\x01" + _field(2, shape)))


def _cut(graph: memoryview, *, outputs: Sequence[str]) -> bytes:
    fields = list(_fields(graph))
    nodes = [(raw, *_names(body)) for number, body, raw in fields if number == _GRAPH_NODE]
    needed = _needed({out: ins for _, ins, outs in nodes for out in outs}, outputs)
    parts = [bytes(raw) for raw, _, outs in nodes if needed & set(outs)]
    for number, body, raw in fields:
        wanted = _text(body, _TENSOR_NAME) in needed if number == _GRAPH_INITIALIZER else True
        if wanted and number not in (_GRAPH_NODE, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO):
            parts.append(bytes(raw))
    parts += [_field(_GRAPH_OUTPUT, _field(1, name.encode()) + _field(2, _FLOAT_TENSOR_TYPE)) for name in outputs]
    return b"".join(parts)


def _needed(makers: dict[str, tuple[str, ...]], outputs: Sequence[str]) -> set[str]:
    if unknown := [name for name in outputs if name not in makers]:
        raise ValueError(f"the graph computes no {unknown}")
    needed: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(makers.get(name, ()))
    return needed


def _names(node: memoryview) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fields = [(number, body) for number, body, _ in _fields(node) if number in (_NODE_INPUT, _NODE_OUTPUT)]
    ins = tuple(str(body, "utf-8") for number, body in fields if number == _NODE_INPUT)
    return ins, tuple(str(body, "utf-8") for number, body in fields if number == _NODE_OUTPUT)


def _text(message: memoryview, wanted: int) -> str:
    return next((str(body, "utf-8") for number, body, _ in _fields(message) if number == wanted), "")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Yield (field number, body, the field's raw bytes); the body of a number is its raw varint or fixed bytes."""
    at = 0
    while at < len(message):
        key, start = _varint(message, at)
        end = start
        if key & 7 == _VARINT:
            _, end = _varint(message, start)
        elif key & 7 == _BYTES:
            size, start = _varint(message, start)
            end = start + size
        elif key & 7 in (_FIXED64, _FIXED32):
            end = start + (8 if key & 7 == _FIXED64 else 4)
        else:
            raise ValueError(f"wire type {key & 7} is not part of ONNX")
        yield key >> 3, message[start:end], message[at:end]
        at = end


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _field(number: int, body: bytes) -> bytes:
    return _encoded(number << 3 | _BYTES) + _encoded(len(body)) + body


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
