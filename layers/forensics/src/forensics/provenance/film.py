"""What a film says of itself, without its pictures and its sound: half a gigabyte is neither held in memory nor fetched.

Metadata lie in few boxes or chunks beside the media. Those are read whole; a C2PA manifest's signature covers all bytes, so a
film that bears one is read through once, piece by piece. Small files and animations are read as they are.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from forensics.domain.evidence import Provenance
from forensics.media.moving_pictures import is_moving_picture
from forensics.media.mp4_bounds import OLD_QUICKTIME
from forensics.provenance.reading import read_provenance

WHOLE_BYTES: Final = 4 << 20  # a file of so many bytes is read whole
EDGE_BYTES: Final = 1 << 20  # of other containers: as much of the beginning and of the end
MAX_BODY_BYTES: Final = 16 << 20  # of one box
MAX_OUTLINE_BYTES: Final = 32 << 20
MAX_PIECES: Final = 64  # boxes walked; films in fragments have thousands, and say what they are in the first
_MEDIA: Final = (
    b"mdat",
    b"moof",
    b"free",
    b"skip",
    b"wide",
    b"sidx",
    b"mfra",
    b"styp",
    b"movi",
    b"idx1",
    b"JUNK",
    b"ix00",
)


def read_film_provenance(source: BinaryIO) -> Provenance:
    """Read everything a film says of its origin, as `read_provenance` does; raises what reading `source` raises."""
    size = source.seek(0, io.SEEK_END)
    watched = _Watched(source)
    if size <= WHOLE_BYTES or is_moving_picture(source):
        source.seek(0)
        return read_provenance(source.read(), None)
    read = read_provenance(outline(source, size), None, whole=watched)
    if watched.failure is not None:  # a store that did not answer is no damage: the caller tries again
        raise watched.failure
    return read


def outline(source: BinaryIO, size: int) -> bytes:
    """Return a container of `size` bytes without its media: the boxes of MP4, the chunks of AVI, the edges of all others."""
    source.seek(0)
    head = source.read(12)
    if head[4:8] in (b"ftyp", *OLD_QUICKTIME):
        return b"".join(_kept(source, _mp4_boxes(source, size)))
    if head[:4] == b"RIFF":
        return head + b"".join(_kept(source, _riff_chunks(source, size)))
    source.seek(0)
    edge = source.read(EDGE_BYTES)
    source.seek(-EDGE_BYTES, io.SEEK_END)
    return edge + source.read()


@dataclass(frozen=True)
class _Piece:
    kind: bytes
    at: int
    length: int


def _kept(source: BinaryIO, pieces: Iterator[_Piece]) -> Iterator[bytes]:
    left = MAX_OUTLINE_BYTES
    for piece, _ in zip(pieces, range(MAX_PIECES), strict=False):
        if piece.kind not in _MEDIA and left > 0:
            source.seek(piece.at)
            body = source.read(min(piece.length, MAX_BODY_BYTES, left))
            left -= len(body)
            yield body


def _mp4_boxes(source: BinaryIO, size: int) -> Iterator[_Piece]:
    """ISO/IEC 14496-12 §4.2: a length of 1 is followed by one of 64 bits, 0 reaches to the end of the file."""
    at = 0
    while at + 8 <= size:
        source.seek(at)
        head = source.read(16)
        length, least = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, least = int.from_bytes(head[8:16], "big"), 16
        length = max(least, length) if length else size - at
        yield _Piece(head[4:8], at, length)
        at += length


def _riff_chunks(source: BinaryIO, size: int) -> Iterator[_Piece]:
    """A list is named by what it lists."""
    at = 12
    while at + 8 <= size:
        source.seek(at)
        head = source.read(12)
        length = 8 + int.from_bytes(head[4:8], "little")
        yield _Piece(head[8:12] if head[:4] == b"LIST" else head[:4], at, length)
        at += length + (length & 1)


@dataclass
class _Watched:
    """The film as the C2PA library reads it, which swallows every failure: the first is kept."""

    source: BinaryIO
    failure: Exception | None = field(default=None)

    def read(self, size: int = -1) -> bytes:
        try:
            return self.source.read(size)
        except Exception as failure:
            self.failure = self.failure or failure
            raise

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.source.seek(offset, whence)

    def tell(self) -> int:
        return self.source.tell()

    def flush(self) -> None:
        """Nothing is ever written."""

    def write(self, data: bytes) -> int:
        raise io.UnsupportedOperation("a film is only read")
