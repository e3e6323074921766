"""Whether a container that may hold film holds only sound: its track list, read from the first bytes without a decoder."""

from __future__ import annotations

from collections.abc import Iterator

MAX_BOXES = 4096  # of one walk; a real file has dozens before its tracks are told

_EBML, _SEGMENT, _TRACKS, _TRACK, _TRACK_TYPE, _DOC_TYPE = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0x4282
_MATROSKA_VIDEO, _MATROSKA_AUDIO = 1, 2
_MOVIE_BOXES = (b"moov", b"trak", b"mdia")  # the path to a track's handler
_ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")  # GUID of a video stream's properties
_OGG_VIDEO = (b"\x80theora", b"OVP80", b"BBCD\x00")  # how a first packet of Theora, VP8 and Dirac begins
_OGG_BEGINS = 2  # flag of a page that begins a track; all of these come first


def matroska(data: bytes) -> tuple[str, bool]:
    """Return the document type (webm, or matroska for any other) and whether its tracks are sound alone."""
    name, kinds, segment = "matroska", set[int](), False
    for number, body in _elements(data):
        if number == _DOC_TYPE and body == b"webm":
            name = "webm"
        segment = segment or number == _SEGMENT
        if number == _TRACK_TYPE and segment and body:
            kinds.add(body[-1])
    return name, _MATROSKA_AUDIO in kinds and _MATROSKA_VIDEO not in kinds


def isobmff_sound_only(data: bytes) -> bool:
    """Tell whether an MP4 or QuickTime file has a sound track and no picture track; False when its tracks lie further on."""
    kinds = {body[8:12] for name, body in _boxes(data, 0, len(data)) if name == b"hdlr"}
    return b"soun" in kinds and b"vide" not in kinds


def ogg_has_video(data: bytes) -> bool:
    """Tell whether one of the tracks that an Ogg file begins with is a picture track."""
    at = 0
    for _ in range(MAX_BOXES):
        if data[at : at + 4] != b"OggS" or at + 27 > len(data) or not data[at + 5] & _OGG_BEGINS:
            return False
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        start = at + 27 + len(lacing)
        if data.startswith(_OGG_VIDEO, start):
            return True
        at = start + sum(lacing)
    return False


def asf_has_video(data: bytes) -> bool:
    """Tell whether a Windows Media file declares a picture track."""
    return _ASF_VIDEO in data


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield EBML elements (id, first bytes of the body) in order, those inside the ones on the way to the tracks included."""
    at = 0
    for _ in range(MAX_BOXES):
        number, start = _number(data, at, keep_marker=True)
        size, start = _number(data, start, keep_marker=False)
        if start < 0:
            return
        yield number, data[start : start + min(size, 8)]
        inside = number in (_EBML, _SEGMENT, _TRACKS, _TRACK)
        at = start if inside else start + size


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """Return an EBML number and where it ends, -1 at the end of the data."""
    if not 0 <= at < len(data) or not data[at]:
        return 0, -1
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        return 0, -1
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & (1 << 7 * length) - 1), at + length


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield boxes (type, first bytes of the body), those on the way to the handlers included."""
    pending, seen = [(start, end)], 0
    while pending:
        at, end = pending.pop()
        while at + 8 <= end and seen < MAX_BOXES:
            seen += 1
            size, name, body = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
            if size == 1:
                size, body = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
            stop = min(at + size, end) if size else end
            if stop < body:
                break
            yield name, data[body : body + 16]
            if name in _MOVIE_BOXES:
                pending.append((body, stop))
            at = stop
