"""Cut an ONNX file to the outputs that are wanted, with nothing but the protobuf wire format (protobuf.dev, "Encoding").

A third-party encoder computes blocks that nothing here reads. onnxruntime runs a whole graph whatever outputs are asked
for, so the unused tail is cut once at set-up; the `onnx` package is not needed for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 1, 5, 12, 13
_NODE_INPUT, _NODE_OUTPUT = 1, 2
_TENSOR_NAME = 8
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
