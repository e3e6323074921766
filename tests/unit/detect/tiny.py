"""Tiny ONNX models written by hand in the wire format, so that the tests need no ONNX package."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence


def chain(names: Sequence[str], *, width: int = 3) -> bytes:
    """Return a model names[0] -> names[1] -> ... where every step adds 1 to float32 (1, width)."""
    nodes = [_node(f"add_{b}", [a, "one"], b) for a, b in itertools.pairwise(names)]
    one = _bytes(5, _varint(1, 1) + _varint(2, 1) + _bytes(8, b"one") + _bytes(9, struct.pack("<f", 1.0)))
    graph = b"".join(nodes) + _bytes(2, b"chain") + one + _value(11, names[0], width) + _value(12, names[-1], width)
    return _varint(1, 8) + _bytes(7, graph) + _bytes(8, _varint(2, 17))


def _node(name: str, inputs: Sequence[str], output: str) -> bytes:
    ins = b"".join(_bytes(1, i.encode()) for i in inputs)
    return _bytes(1, ins + _bytes(2, output.encode()) + _bytes(3, name.encode()) + _bytes(4, b"Add"))


def _value(field: int, name: str, width: int) -> bytes:
    shape = _bytes(1, _varint(1, 1)) + _bytes(1, _varint(1, width))
    return _bytes(field, _bytes(1, name.encode()) + _bytes(2, _bytes(1, _varint(1, 1) + _bytes(2, shape))))


def _varint(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _number(value)


def _bytes(field: int, body: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _number(len(body)) + body


def _number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
