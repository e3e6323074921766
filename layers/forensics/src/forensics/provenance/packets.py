"""Bytes to metadata packets: bounded walkers over PNG, JPEG, WebP, TIFF and everything else.

Nothing here trusts a length field: every slice is checked against the file, every decompression is capped, so a hostile
file costs bounded time and memory and at worst yields a warning.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

from forensics.provenance.tiff import XMP_TAG, read_tags

MAX_TEXT_BYTES: Final = 1 << 20  # one text chunk, after decompression
MAX_TOTAL_TEXT_BYTES: Final = 8 << 20  # all text of one file
MAX_PACKET_BYTES: Final = 4 << 20  # one EXIF or XMP packet
MAX_SEGMENTS: Final = 20_000  # chunks or segments walked; IDAT of 8 KiB fills 160 MB with that

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_XMP: Final = b"http://ns.adobe.com/xap/1.0/\x00"
_JPEG_IPTC: Final = b"Photoshop 3.0\x00"
_TIFF_HEADS: Final = (b"II*\x00", b"MM\x00*")
PNG_XMP_KEY: Final = "XML:com.adobe.xmp"


@dataclass(frozen=True)
class Packets:
    """Raw metadata of one file: `text` are PNG key-value pairs, `exif` a TIFF block, `xmp` an XML packet, `iptc` APP13."""

    text: tuple[tuple[str, str], ...] = ()
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    warnings: tuple[str, ...] = ()


class Container(Protocol):
    """One file format: first that accepts the bytes unpacks them."""

    def accepts(self, data: bytes) -> bool: ...

    def unpack(self, data: bytes) -> Packets: ...


def unpack(data: bytes) -> Packets:
    """Return the metadata packets of `data`, oversized ones dropped with a warning."""
    packets = next(c for c in CONTAINERS if c.accepts(data)).unpack(data)
    # A TIFF file is its own EXIF block: the tag reader seeks in it without a copy, so no cap is needed.
    large_exif = packets.exif is not data and _too_large(packets.exif)
    dropped = replace(
        packets,
        exif=None if large_exif else packets.exif,
        xmp=None if _too_large(packets.xmp) else packets.xmp,
        iptc=None if _too_large(packets.iptc) else packets.iptc,
    )
    if dropped == packets:
        return packets
    warning = f"a metadata packet is larger than {MAX_PACKET_BYTES >> 20} MiB and was not read"
    return replace(dropped, warnings=(*packets.warnings, warning))


def _too_large(packet: bytes | None) -> bool:
    return packet is not None and len(packet) > MAX_PACKET_BYTES


class Png:
    """tEXt, zTXt, iTXt, eXIf, and the EXIF and XMP that ImageMagick hides in hexadecimal text."""

    def accepts(self, data: bytes) -> bool:
        return data.startswith(PNG_SIGNATURE)

    def unpack(self, data: bytes) -> Packets:
        budget = _Budget()
        text: list[tuple[str, str]] = []
        exif: bytes | None = None
        for kind, body in png_chunks(data, (*_TEXT_CHUNKS, b"eXIf")):
            if kind == b"eXIf":
                exif = exif or body
            elif kind in _TEXT_CHUNKS:
                pair = _text_pair(kind, body, budget)
                if pair is not None:
                    text.append(pair)
        pairs = dict(text)
        exif = (
            exif or _raw_profile(pairs.get("Raw profile type exif")) or _raw_profile(pairs.get("Raw profile type APP1"))
        )
        xmp = pairs.get(PNG_XMP_KEY)
        packet = xmp.encode("utf-8", "replace") if xmp else _raw_profile(pairs.get("Raw profile type xmp"))
        kept = tuple((k, v) for k, v in text if k != PNG_XMP_KEY and not k.startswith("Raw profile type"))
        return Packets(kept, _tiff_block(exif), packet, None, budget.warnings)


class Jpeg:
    """APP1 (EXIF, XMP), APP13 (IPTC) and comments up to the first scan; extended XMP is not joined."""

    def accepts(self, data: bytes) -> bool:
        return data.startswith(b"\xff\xd8")

    def unpack(self, data: bytes) -> Packets:
        packets = Packets()
        for marker, body in _jpeg_segments(data):
            if marker == 0xE1 and body.startswith(b"Exif\x00") and packets.exif is None:
                packets = replace(packets, exif=_tiff_block(body))
            elif marker == 0xE1 and body.startswith(_JPEG_XMP) and packets.xmp is None:
                packets = replace(packets, xmp=body[len(_JPEG_XMP) :])
            elif marker == 0xED and body.startswith(_JPEG_IPTC) and packets.iptc is None:
                packets = replace(packets, iptc=body[len(_JPEG_IPTC) :])
            elif marker == 0xFE and len(packets.text) < 8:
                packets = replace(packets, text=(*packets.text, ("jpeg:comment", body.decode("utf-8", "replace"))))
        return packets


class WebP:
    """The EXIF and XMP chunks of a RIFF WEBP file."""

    def accepts(self, data: bytes) -> bool:
        return data[:4] == b"RIFF" and data[8:12] == b"WEBP"

    def unpack(self, data: bytes) -> Packets:
        exif: bytes | None = None
        xmp: bytes | None = None
        for kind, body in _riff_chunks(data):
            if kind == b"EXIF":
                exif = exif or body
            elif kind == b"XMP ":
                xmp = xmp or body
        return Packets(exif=_tiff_block(exif), xmp=xmp)


class Tiff:
    """The file is its own EXIF block; XMP lies in tag 700."""

    def accepts(self, data: bytes) -> bool:
        return data.startswith(_TIFF_HEADS)

    def unpack(self, data: bytes) -> Packets:
        xmp = read_tags(data).get(XMP_TAG)
        return Packets(exif=data, xmp=xmp)


class AnyOther:
    """HEIC, AVIF, GIF, video …: the first whole XMP packet and the first EXIF block found by their own signatures."""

    def accepts(self, data: bytes) -> bool:
        return True

    def unpack(self, data: bytes) -> Packets:
        start = data.find(b"<x:xmpmeta")
        end = data.find(b"</x:xmpmeta>", start, start + MAX_PACKET_BYTES) if start >= 0 else -1
        xmp = data[start : end + len(b"</x:xmpmeta>")] if end >= 0 else None
        found = (data.find(b"Exif\x00\x00" + head) for head in _TIFF_HEADS)
        at = min((i for i in found if i >= 0), default=-1)
        exif = data[at + 6 : at + 6 + MAX_PACKET_BYTES] if at >= 0 else None
        return Packets(exif=exif, xmp=xmp)


CONTAINERS: Final[tuple[Container, ...]] = (Png(), Jpeg(), WebP(), Tiff(), AnyOther())

_TEXT_CHUNKS: Final = (b"tEXt", b"zTXt", b"iTXt")


class _Budget:
    """Counts the text taken from one file against the caps."""

    def __init__(self) -> None:
        self._left = MAX_TOTAL_TEXT_BYTES
        self._refused = 0

    def inflate(self, packed: bytes) -> bytes | None:
        stream = zlib.decompressobj()
        try:
            plain = stream.decompress(packed, min(MAX_TEXT_BYTES, self._left) + 1)
        except zlib.error:
            self.refuse()
            return None
        return self.take(plain)

    def take(self, plain: bytes) -> bytes | None:
        if len(plain) > min(MAX_TEXT_BYTES, self._left):
            self.refuse()
            return None
        self._left -= len(plain)
        return plain

    def refuse(self) -> None:
        self._refused += 1

    @property
    def warnings(self) -> tuple[str, ...]:
        return (
            (f"{self._refused} PNG text chunks were damaged or too large and were not read",) if self._refused else ()
        )


def png_chunks(data: bytes, wanted: tuple[bytes, ...]) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and body of the whole chunks of the wanted types, up to IEND or the first that is cut short."""
    at = len(PNG_SIGNATURE)
    for _ in range(MAX_SEGMENTS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND" or at + 8 + length > len(data):
            return
        if kind in wanted:
            yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _text_pair(kind: bytes, body: bytes, budget: _Budget) -> tuple[str, str] | None:
    key, separator, rest = body.partition(b"\x00")
    if not separator or len(key) > 79:  # PNG specification: keywords have 1 to 79 bytes
        budget.refuse()
        return None
    packed, charset = kind == b"zTXt", "latin-1"
    if packed:
        rest = rest[1:]
    elif kind == b"iTXt":
        packed, charset = rest[:1] == b"\x01", "utf-8"
        rest = b"".join(rest[2:].split(b"\x00", 2)[2:])  # after language tag and translated keyword
    plain = budget.inflate(rest) if packed else budget.take(rest)
    if plain is None:
        return None
    return key.decode("latin-1"), _decode(plain, charset)


def _decode(plain: bytes, charset: str) -> str:
    """Latin-1 is the specification's charset of tEXt, but several generators write UTF-8 there."""
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode(charset, "replace")


def _raw_profile(text: str | None) -> bytes | None:
    r"""Decode ImageMagick's "\nexif\n    1234\n45786966..." notation."""
    if not text:
        return None
    parts = text.split(maxsplit=2)
    if len(parts) != 3:
        return None
    try:
        return bytes.fromhex(parts[2])
    except ValueError:
        return None


def _tiff_block(packet: bytes | None) -> bytes | None:
    return packet[6:] if packet is not None and packet.startswith(b"Exif\x00") else packet


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    for _ in range(MAX_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in (0xDA, 0xD9):
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            return
        if marker >= 0xE0:
            yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    for _ in range(MAX_SEGMENTS):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            return
        if kind in (b"EXIF", b"XMP "):
            yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)
