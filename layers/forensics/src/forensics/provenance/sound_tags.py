"""Text tags of sound files: bounded walkers over ID3v2, RIFF INFO, AIFF, Vorbis comments (FLAC, Ogg) and MP4 item lists.

Nothing here trusts a length field: every slice is checked against the file, so a hostile file costs bounded time and at worst
yields nothing. Keys are lower case: the container's own ("tsse", "isft", "encoder", "©too"), and for free-form ones (ID3 TXXX,
MP4 `----`) their description.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

MAX_TAGS: Final = 64
MAX_TEXT_BYTES: Final = 64 << 10  # of one tag; cover pictures and lyrics are longer and say nothing of the origin
HEAD_BYTES: Final = 256 << 10  # FLAC and Ogg carry their comments among the first pages
MAX_CHUNKS: Final = 4096
Pair = tuple[str, str]


def read_sound_tags(data: bytes) -> Mapping[str, str]:
    """Return the text tags of a sound file by lower-case key, empty for anything else; the first of a key stands."""
    tags: dict[str, str] = {}
    for accepts, walk in _WALKERS:
        if accepts(data):
            for key, text in walk(data):
                if text and len(tags) < MAX_TAGS:
                    tags.setdefault(key.lower().strip()[:64], text.strip("\x00 \r\n\t"))
    return tags


def _id3(data: bytes, at: int = 0) -> Iterator[Pair]:
    """ID3v2.2 to 2.4: text frames, TXXX by its description, comments (id3.org, id3v2.4.0-structure §4)."""
    version, size = data[at + 3], _synchsafe(data[at + 6 : at + 10])
    end, at = min(at + 10 + size, len(data)), at + 10
    name_bytes, head = (3, 6) if version == 2 else (4, 10)
    for _ in range(MAX_CHUNKS):
        if at + head > end or not data[at : at + name_bytes].isalnum():
            return
        name = data[at : at + name_bytes].decode("latin-1")
        raw = data[at + name_bytes : at + name_bytes + (3 if version == 2 else 4)]
        length = _synchsafe(raw) if version == 4 else int.from_bytes(raw, "big")
        body = data[at + head : min(at + head + length, end)]
        at += head + length
        if len(body) <= MAX_TEXT_BYTES:
            yield from _id3_frame(name, body)


def _id3_frame(name: str, body: bytes) -> Iterator[Pair]:
    if name in ("COMM", "COM"):
        body = body[:1] + body[4:]  # without the language
    elif not name.startswith("T"):
        return
    texts = _id3_text(body).split("\x00")
    if name in ("TXXX", "TXX") and len(texts) > 1:
        yield texts[0], " ".join(texts[1:])
    else:
        yield name, " ".join(filter(None, texts))


def _id3_text(body: bytes) -> str:
    charset = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}.get(body[0] if body else 0, "latin-1")
    return body[1:].decode(charset, "replace").replace("\ufeff", "")


def _riff(data: bytes) -> Iterator[Pair]:
    """LIST INFO of WAVE, and the ID3 block that some programs append."""
    for kind, body in _chunks(data, order="<"):
        if kind == b"LIST" and body[:4] == b"INFO":
            for key, text in _chunks(body, order="<", at=4):
                yield _latin(key), text[:MAX_TEXT_BYTES].decode("utf-8", "replace")
        elif kind.lower() == b"id3 " and body.startswith(b"ID3") and len(body) > 10:
            yield from _id3(body)


def _aiff(data: bytes) -> Iterator[Pair]:
    for kind, body in _chunks(data, order=">"):
        if kind in (b"ANNO", b"NAME", b"AUTH"):
            yield _latin(kind), body[:MAX_TEXT_BYTES].decode("utf-8", "replace")
        elif kind == b"ID3 " and body.startswith(b"ID3") and len(body) > 10:
            yield from _id3(body)


def _chunks(data: bytes, *, order: str, at: int = 12) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from(order + "4sI", data, at)
        if kind not in (b"data", b"SSND"):
            yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)


def _flac(data: bytes) -> Iterator[Pair]:
    """Metadata block 4 (RFC 9639 §8.6)."""
    at = 4
    for _ in range(MAX_CHUNKS):
        if at + 4 > len(data):
            return
        kind, length = data[at] & 0x7F, int.from_bytes(data[at + 1 : at + 4], "big")
        if kind == 4:
            yield from _vorbis(data[at + 4 : at + 4 + length])
        if data[at] & 0x80:
            return
        at += 4 + length


def _ogg(data: bytes) -> Iterator[Pair]:
    """The comment packet by its signature; one that spans pages is read to its first page's end."""
    head = data[:HEAD_BYTES]
    for mark in (b"OpusTags", b"\x03vorbis"):
        at = head.find(mark)
        if at >= 0:
            yield from _vorbis(head[at + len(mark) :])


def _vorbis(block: bytes) -> Iterator[Pair]:
    """Vendor string and KEY=value pairs, lengths little-endian (Xiph, Ogg Vorbis I §5)."""
    vendor, at = _sized(block, 0)
    yield "vendor", vendor
    count, at = int.from_bytes(block[at : at + 4], "little"), at + 4
    for _ in range(min(count, MAX_TAGS)):
        if at + 4 > len(block):
            return
        comment, at = _sized(block, at)
        key, separator, text = comment.partition("=")
        if separator:
            yield key, text


def _sized(block: bytes, at: int) -> tuple[str, int]:
    length = int.from_bytes(block[at : at + 4], "little")
    end = at + 4 + length
    return block[at + 4 : min(end, at + 4 + MAX_TEXT_BYTES)].decode("utf-8", "replace"), end


def _mp4(data: bytes) -> Iterator[Pair]:
    """moov/udta/meta/ilst: one `data` box an item, free-form items named by their `name` box (QuickTime File Format)."""
    for _, ilst in _descend(data, (b"moov", b"udta", b"meta", b"ilst")):
        for kind, item in _boxes(ilst):
            parts = dict(_boxes(item))
            value = parts.get(b"data", b"")[8:]
            name = _latin(parts[b"name"][4:]) if kind == b"----" and b"name" in parts else _latin(kind)
            if len(value) <= MAX_TEXT_BYTES:
                yield name, value.decode("utf-8", "replace")


def _descend(data: bytes, path: tuple[bytes, ...]) -> Iterator[tuple[bytes, bytes]]:
    for kind, body in _boxes(data):
        if kind == path[0]:
            inner = body[4:] if kind == b"meta" else body  # a full box: version and flags come first
            if len(path) == 1:
                yield kind, body
            else:
                yield from _descend(inner, path[1:])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1 and at + 16 <= len(data):
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if length < head:  # 0 means "to the end", which only media data does
            return
        yield kind, b"" if kind == b"mdat" else data[at + head : at + length]
        at += length


def _synchsafe(raw: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(raw, (21, 14, 7, 0), strict=False))


def _latin(raw: bytes) -> str:
    return raw.decode("latin-1").strip("\x00 ")


_WALKERS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Iterator[Pair]]], ...]] = (
    (lambda d: d.startswith(b"ID3") and len(d) > 10, _id3),
    (lambda d: d[:4] in (b"RIFF", b"RF64") and d[8:12] == b"WAVE", _riff),
    (lambda d: d[:4] == b"FORM" and d[8:12] in (b"AIFF", b"AIFC"), _aiff),
    (lambda d: d.startswith(b"fLaC"), _flac),
    (lambda d: d.startswith(b"OggS"), _ogg),
    (lambda d: d[4:8] == b"ftyp", _mp4),
)
