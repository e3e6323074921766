"""What a picture may cost: checks on its bytes before a decoder sees them, each against a known kind of bomb.

Pillow bounds the memory of metadata by itself (a directory's values are skipped beyond the file's size); what it does not
bound is the work per pixel, and the number of pieces it keeps as Python objects.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final

from forensics.domain.errors import MediaCorrupt

# Each scan walks all coefficients again, however few bytes it has. Encoders write about ten; libtiff stops at 100, too.
MAX_JPEG_SCANS: Final = 100
# What lies in front of the first scan is read in a Python loop: a turn for each segment, and for each byte between them.
MAX_JPEG_SEGMENTS: Final = 50_000
MAX_JPEG_GAP_BYTES: Final = 1 << 20
# Each chunk is a turn of Python loops, 3 us; libpng writes 8 KiB into one, so 50 MB are 6,000.
MAX_PNG_CHUNKS: Final = 100_000
# Strips, tiles and other numbers of a TIFF directory become Python objects, about 1 kB for each strip.
MAX_TIFF_VALUES: Final = 200_000  # a 16-bit colour map has 3 * 65,536

_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_MARKER: Final = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # neither a stuffed byte nor a restart marker
_BYTE_TYPES: Final = (1, 2, 6, 7)  # BYTE, ASCII, SBYTE, UNDEFINED: kept as they are


def refuse_bombs(data: bytes) -> None:
    """Raise MediaCorrupt when decoding would take work or memory out of all proportion to the picture."""
    if data.startswith(b"\xff\xd8"):
        _refuse_jpeg(data)
    if data[:2] in (b"II", b"MM") and any(count > MAX_TIFF_VALUES for count in _tiff_counts(data)):
        raise MediaCorrupt(f"The picture's directory has an entry of more than {MAX_TIFF_VALUES} values.")


def _refuse_jpeg(data: bytes) -> None:
    if jpeg_scans(data) > MAX_JPEG_SCANS:
        raise MediaCorrupt(f"The picture has more than {MAX_JPEG_SCANS} scans.")
    gap_bytes = 0
    for segment, (marker, skipped) in enumerate(_jpeg_markers(data)):
        gap_bytes += skipped
        if segment >= MAX_JPEG_SEGMENTS or gap_bytes > MAX_JPEG_GAP_BYTES:
            raise MediaCorrupt("The picture's header is cut into too many pieces.")
        if marker == _SOS:
            return


def jpeg_scans(data: bytes) -> int:
    """Return the number of scans of a JPEG's first image; counting ends soon after MAX_JPEG_SCANS."""
    most = data.count(b"\xff\xda")  # also counts thumbnails and what is appended
    if most <= MAX_JPEG_SCANS:
        return most
    scans = (marker for marker, _ in _jpeg_markers(data) if marker == _SOS)
    return sum(1 for _ in islice(scans, MAX_JPEG_SCANS + 1))


def _jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the markers of a JPEG's first image, each with the number of bytes skipped to reach it (ITU-T T.81 §B.1.1)."""
    at = 2
    while found := _MARKER.search(data, at):
        marker = found[1][0]
        if marker == _EOI:
            return
        yield marker, found.end() - 2 - at
        at = found.end()
        if marker not in (_SOI, _TEM):  # a segment with a length, which counts itself
            at += int.from_bytes(data[at : at + 2], "big")


def _tiff_counts(data: bytes) -> Iterator[int]:
    """Yield how many values each entry of the first directory declares, byte strings left out (TIFF 6.0 §2; BigTIFF)."""
    order = "<" if data[:2] == b"II" else ">"
    if len(data) < 16:
        return
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    head, entry = (order + "Q", order + "HHQ8x") if big else (order + "H", order + "HHI4x")
    if at + struct.calcsize(head) > len(data):
        return
    (entries,) = struct.unpack_from(head, data, at)
    first, size = at + struct.calcsize(head), struct.calcsize(entry)
    for offset in range(first, min(first + entries * size, len(data) - size + 1), size):
        _, kind, count = struct.unpack_from(entry, data, offset)
        if kind not in _BYTE_TYPES:
            yield count
