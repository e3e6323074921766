"""Generation parameters hidden in the lowest bits of pixels ("stealth pnginfo"), as NovelAI and an A1111 extension do.

Bits run down the columns: 15 characters of signature, 32 bits of length (in bits), then text or gzip. The alpha variants use
one bit a pixel, the RGB variants three.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.provenance.findings import SourceFile
from forensics.provenance.packets import MAX_TEXT_BYTES, PNG_SIGNATURE, png_chunks

Bits = NDArray[np.uint8]

MAX_PIXELS: Final = 16_000_000
_ALPHA: Final = (b"stealth_pnginfo", b"stealth_pngcomp")
_RGB: Final = (b"stealth_rgbinfo", b"stealth_rgbcomp")
_SIGNATURE_BITS: Final = 8 * 15
_HEADER_BITS: Final = _SIGNATURE_BITS + 32
_LOWEST: Final = np.uint8(1)


def hidden_texts(file: SourceFile) -> dict[str, str]:
    """Return the hidden text under the keys of PNG text chunks, empty when there is none."""
    if file.image is not None and file.image.height >= _SIGNATURE_BITS // 3:
        head = file.image.rgb[: _SIGNATURE_BITS // 3, 0, :]  # (40, 3): the first 120 bits
        if _signature(head.ravel() & _LOWEST) in _RGB and file.image.rgb.size <= 3 * MAX_PIXELS:
            return _texts(file.image.rgb.transpose(1, 0, 2).ravel() & _LOWEST)
    if not _may_hide_in_alpha(file.data):
        return {}
    with Image.open(io.BytesIO(file.data), formats=("PNG",)) as picture:
        alpha = np.asarray(picture.getchannel("A"), dtype=np.uint8)  # (height, width)
    bits = alpha.T.ravel() & _LOWEST
    return _texts(bits) if _signature(bits) in _ALPHA else {}


def _may_hide_in_alpha(data: bytes) -> bool:
    """Look at the first column alone: no pixel left of it takes part in its filters, so no picture need be decoded."""
    if not data.startswith(PNG_SIGNATURE) or data[12:16] != b"IHDR" or len(data) < 33:
        return False
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if (depth, colour, interlace) != (8, 6, 0) or width * height > MAX_PIXELS:
        return False
    if height < _SIGNATURE_BITS:
        return bool(width * height >= _HEADER_BITS)
    return _signature(np.array(_first_column(data, 1 + 4 * width), dtype=np.uint8) & _LOWEST) in _ALPHA


def _first_column(data: bytes, stride: int) -> list[int]:
    """Return alpha of the first pixel of the first 120 rows; `stride` is a row's bytes with its filter byte."""
    stream, rows, wanted = zlib.decompressobj(), bytearray(), stride * _SIGNATURE_BITS
    for _, body in png_chunks(data, (b"IDAT",)):
        rows += stream.decompress(body, wanted - len(rows))
        if len(rows) >= wanted:
            break
    above = 0
    column: list[int] = []
    for at in range(0, len(rows) - 4, stride):
        # Filters None and Sub add nothing, Up and Paeth the byte above, Average half of it (PNG specification, clause 9).
        added = {2: above, 3: above >> 1, 4: above}.get(rows[at], 0)
        above = (rows[at + 4] + added) & 0xFF
        column.append(above)
    return column


def _signature(bits: Bits) -> bytes:
    return np.packbits(bits[:_SIGNATURE_BITS]).tobytes()


def _texts(bits: Bits) -> dict[str, str]:
    packed = np.packbits(bits[_SIGNATURE_BITS:_HEADER_BITS]).tobytes()
    count = int.from_bytes(packed, "big")
    if not 0 < count <= min(8 * MAX_TEXT_BYTES, bits.size - _HEADER_BITS):
        return {}
    body = np.packbits(bits[_HEADER_BITS : _HEADER_BITS + count]).tobytes()
    if _signature(bits).endswith(b"comp"):
        body = zlib.decompressobj(wbits=31).decompress(body, MAX_TEXT_BYTES)
    text = body.decode("utf-8", "replace")
    value = json.loads(text) if text.startswith("{") else None
    if isinstance(value, dict) and "Software" in value:  # NovelAI hides all its chunks as one object
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}
    return {"parameters": text}
