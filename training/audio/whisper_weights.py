"""Read the encoder of a Whisper model stored by CTranslate2 (model.bin, format of ctranslate2/src/models/model.cc)."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_encoder(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the encoder's tensors by their CTranslate2 names, as float32; raises ValueError on a quantised file."""
    data = memoryview(path.read_bytes())
    at = 4  # binary version
    _, at = _text(data, at)
    _, count = struct.unpack_from("<II", data, at)
    at += 8
    tensors: dict[str, NDArray[np.float32]] = {}
    for _ in range(count):
        name, at = _text(data, at)
        rank = data[at]
        shape = struct.unpack_from(f"<{rank}I", data, at + 1)
        at += 1 + 4 * rank
        kind, size = struct.unpack_from("<BI", data, at)
        at += 5
        if name.startswith("encoder/") and rank:
            if kind not in (0, 4):
                raise ValueError(f"{name} is quantised")
            tensors[name] = np.frombuffer(data[at : at + size], _DTYPES[kind]).reshape(shape).astype(np.float32)
        at += size
    return tensors


def _text(data: memoryview, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<H", data, at)
    return bytes(data[at + 2 : at + 2 + length]).split(b"\0")[0].decode(), at + 2 + length
