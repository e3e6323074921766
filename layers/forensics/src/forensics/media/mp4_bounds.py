"""Sample tables that promise more than any recording holds: a few bytes of them would cost FFmpeg minutes and gigabytes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from forensics.domain.errors import MediaCorrupt

MAX_SAMPLES = 1_000_000  # of a track: an hour of AAC has 170,000, half an hour of film at 240 frames a second 432,000
MAX_BOXES = 100_000  # of a file: fragments of a second each, for hours
MAX_EDITS = 1_000  # of a track: each is a walk over its samples; cameras write one or two, editors dozens
OLD_QUICKTIME = (b"moov", b"mdat", b"wide")  # how files from before the box `ftyp` begin
_MAX_FIELDS = 64  # bytes of a box that are looked at
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts")


@dataclass
class _Track:
    """What a track's tables declare; FFmpeg makes an index entry for each sample, for PCM sound one for each chunk."""

    sound: bool = False
    samples: int = 0
    one_tick_each: bool = False

    def take(self, name: bytes, body: bytes) -> None:
        if name == b"hdlr" and body[8:12] in (b"soun", b"vide"):  # QuickTime has another one, for its data
            self.sound = body[8:12] == b"soun"
        elif name in (b"stsz", b"stz2"):
            self.samples = _number(body, 8)
        elif name == b"stts":
            self.one_tick_each = _number(body, 4) == 1 and _number(body, 12) == 1

    @property
    def entries(self) -> int:
        return 0 if self.sound and self.one_tick_each else self.samples


def refuse_endless_tables(source: BinaryIO) -> None:
    """Raise MediaCorrupt for an MP4 or QuickTime file of more samples than MAX_SAMPLES in a track, or in all fragments.

    Reads box headers only, wherever they lie; other formats, whose indexes cannot be shorter than what they promise, pass.
    """
    source.seek(0)
    if source.read(8)[4:] not in (b"ftyp", *OLD_QUICKTIME):
        return
    tracks, fragments = [_Track()], 0
    for number, (name, body) in enumerate(_boxes(source)):
        if name == b"trak":
            tracks.append(_Track())
        if name == b"trun":
            fragments += _number(body, 4)
        if name == b"elst" and _number(body, 4) > MAX_EDITS:
            raise MediaCorrupt("The file's edit list is longer than any recording needs.")
        tracks[-1].take(name, body)
        if number > MAX_BOXES:
            raise MediaCorrupt("The file is cut into too many pieces.")
    if max(fragments, *(t.entries for t in tracks)) > MAX_SAMPLES:
        raise MediaCorrupt("The file's tables declare more samples than a recording can have.")


def _boxes(source: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield every box on the way to the sample tables (type, first bytes of the body), depth first."""
    at, size = 0, source.seek(0, io.SEEK_END)
    while at + 8 <= size:
        source.seek(at)
        head = source.read(16 + _MAX_FIELDS)
        length, name, start = _number(head, 0), head[4:8], 8
        if length == 1:
            length, start = int.from_bytes(head[8:16], "big"), 16
        yield name, head[start : start + _MAX_FIELDS]
        inside = name in _PARENTS
        at += start if inside else max(length, start) if length else size


def _number(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 4], "big")
