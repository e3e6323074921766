"""A bounded reader of the few TIFF tags that provenance needs (TIFF 6.0; EXIF 2.32): no maker notes, no GPS."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

IMAGE_DESCRIPTION: Final = 0x010E
MAKE: Final = 0x010F
MODEL: Final = 0x0110
SOFTWARE: Final = 0x0131
ARTIST: Final = 0x013B
XMP_TAG: Final = 0x02BC
EXIF_IFD: Final = 0x8769
DATE_TIME_ORIGINAL: Final = 0x9003
USER_COMMENT: Final = 0x9286
EXPOSURE_TIME: Final = 0x829A
F_NUMBER: Final = 0x829D

WANTED: Final = frozenset(
    (
        IMAGE_DESCRIPTION,
        MAKE,
        MODEL,
        SOFTWARE,
        ARTIST,
        XMP_TAG,
        DATE_TIME_ORIGINAL,
        USER_COMMENT,
        EXPOSURE_TIME,
        F_NUMBER,
    )
)
MAX_VALUE_BYTES: Final = 1 << 20
MAX_ENTRIES: Final = 512  # of one directory

# TIFF 6.0 field types whose values are read as plain bytes here, with their sizes in bytes.
_TYPE_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8, 129: 1}


def read_tags(data: bytes) -> dict[int, bytes]:
    """Return the raw value bytes of the wanted tags of IFD0 and the EXIF directory; damaged entries are left out."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return {}
    first = struct.unpack_from(order + "I", data, 4)[0]
    tags = dict(_entries(data, first, order))
    pointer = tags.pop(EXIF_IFD, b"")
    if len(pointer) == 4:
        tags = dict(_entries(data, struct.unpack(order + "I", pointer)[0], order)) | tags
    return {tag: value for tag, value in tags.items() if tag in WANTED}


def _entries(data: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    if at + 2 > len(data):
        return
    count = min(struct.unpack_from(order + "H", data, at)[0], MAX_ENTRIES)
    for i in range(count):
        entry = at + 2 + 12 * i
        if entry + 12 > len(data):
            return
        tag, kind, number = struct.unpack_from(order + "HHI", data, entry)
        if tag not in WANTED and tag != EXIF_IFD:
            continue
        size = number * _TYPE_BYTES.get(kind, MAX_VALUE_BYTES + 1)
        start = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
        if 0 < size <= MAX_VALUE_BYTES and start + size <= len(data):
            yield tag, data[start : start + size]
