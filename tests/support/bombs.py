"""Pictures that cost far more than they weigh, built byte by byte: nothing here is ever held whole in memory."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Mapping

from PIL import Image

MB = 1_000_000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6  # PNG's colour types
_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
_EOB_RUN = 0xE0  # progressive JPEG: 14 more bits say how many blocks end here
_EOB_RUN_BLOCKS = (1 << 15) - 1


def saved(format: str, *, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object) -> bytes:
    """Return a flat picture as Pillow writes it."""
    buffer = io.BytesIO()
    Image.new(mode, size, 0x406080 if mode == "RGB" else 1).save(buffer, format, **options)
    return buffer.getvalue()


# ---------------------------------------------------------------- PNG


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one chunk with its length and checksum."""
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png(width: int, height: int, idat: bytes, *, depth: int = 8, colour: int = RGB, interlace: int = 0) -> bytes:
    """Return a PNG that declares this size, whatever its data hold."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    palette = png_chunk(b"PLTE", bytes(range(6))) if colour == PALETTE else b""
    chunks = (png_chunk(b"IHDR", header), palette, png_chunk(b"IDAT", idat), png_chunk(b"IEND", b""))
    return PNG_SIGNATURE + b"".join(chunks)


def png_flat(width: int, height: int, *, depth: int = 8, colour: int = RGB, interlace: int = 0) -> bytes:
    """Return a whole PNG of zeros, about a thousandth of the pixels' size."""
    row = 1 + (width * depth * _CHANNELS[colour] + 7) // 8
    spare = 8 * height if interlace else 0  # Adam7's passes have more rows
    data = deflated_zeros(row * height + spare)
    return png(width, height, data, depth=depth, colour=colour, interlace=interlace)


def png_with(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a small PNG with these chunks before its pixels."""
    plain = saved("PNG")
    return plain[:33] + b"".join(png_chunk(kind, body) for kind, body in chunks) + plain[33:]


def deflated_zeros(size: int) -> bytes:
    """Return `size` zero bytes as a zlib stream, built in pieces."""
    pack = zlib.compressobj(9)
    whole, rest = divmod(size, MB)
    return b"".join([*(pack.compress(bytes(MB)) for _ in range(whole)), pack.compress(bytes(rest)), pack.flush()])


# ---------------------------------------------------------------- JPEG


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def jpeg_scans(width: int, height: int, *, scans: int) -> bytes:
    """Return a grey progressive JPEG whose further scans change nothing, in about 100 bytes each."""
    blocks = -(-width // 8) * -(-height // 8)
    head = jpeg_segment(0xDB, b"\x00" + b"\x01" * 64)
    head += jpeg_segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    one_code = b"\x01" + bytes(15)
    head += jpeg_segment(0xC4, b"\x00" + one_code + b"\x00") + jpeg_segment(
        0xC4, b"\x10" + one_code + bytes([_EOB_RUN])
    )
    first = jpeg_segment(0xDA, bytes((1, 1, 0, 0, 0, 0))) + _entropy("0" * blocks)
    empty = jpeg_segment(0xDA, bytes((1, 1, 0, 1, 63, 0))) + _entropy(("0" + "1" * 14) * -(-blocks // _EOB_RUN_BLOCKS))
    return b"\xff\xd8" + head + first + empty * (scans - 1) + b"\xff\xd9"


def jpeg_arithmetic(width: int, height: int, *, scans: int) -> bytes:
    """Return a progressive JPEG with arithmetic coding, which decodes coefficients out of no data at all."""
    head = jpeg_segment(0xDB, b"\x00" + b"\x01" * 64)
    head += jpeg_segment(0xCA, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    data = jpeg_segment(0xDA, bytes((1, 1, 0, 0, 0, 0))) + jpeg_segment(0xDA, bytes((1, 1, 0, 1, 63, 13)))
    for scan in range(scans - 2):
        low = max(0, 12 - scan)
        data += jpeg_segment(0xDA, bytes((1, 1, 0, 1, 63, (low + 1) << 4 | low))) + b"\x9a\x5c\x77" * 8
    return b"\xff\xd8" + head + data + b"\xff\xd9"


def jpeg_with(segments: Iterable[tuple[int, bytes]]) -> bytes:
    """Return a small JPEG with these segments in front."""
    plain = saved("JPEG")
    return plain[:2] + b"".join(jpeg_segment(marker, body) for marker, body in segments) + plain[2:]


def _entropy(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


# ---------------------------------------------------------------- TIFF, BMP, GIF

BYTE, SHORT, LONG = 1, 3, 4
_TIFF_START = 256  # of the directory: what lies before it is room for values


def tiff(tags: Iterable[tuple[int, int, int, int]], tail: bytes = b"", *, following: int = 0) -> bytes:
    """Return a little-endian TIFF of one directory; each tag is (tag, type, count, value or offset)."""
    entries = [struct.pack("<HHII", *tag) for tag in sorted(tags)]
    head = b"II*\x00" + _TIFF_START.to_bytes(4, "little") + bytes(_TIFF_START - 8)
    return head + struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following) + tail


def tiff_grey(width: int, height: int, changes: Mapping[int, tuple[int, int, int]] | None = None) -> bytes:
    """Return a grey TIFF of one strip without pixels; `changes` are (type, count, value) by tag."""
    tags = _grey_tags(width, height) | dict(changes or {})
    return tiff((number, *tag) for number, tag in tags.items())


def tiff_strips(count: int) -> bytes:
    """Return a TIFF of `count` strips, all of them the same few bytes, in 4 bytes each."""
    offset = _TIFF_START + 2 + 12 * 9 + 4
    table = (LONG, count, offset)
    return tiff_grey(100, count, {278: (LONG, 1, 1), 273: table, 279: table}) + (8).to_bytes(4, "little") * count


def tiff_values(count: int, size: int) -> bytes:
    """Return a TIFF whose directory names the same `size` bytes `count` times."""
    tags = [(number, *tag) for number, tag in _grey_tags(8, 8).items()]
    offset = _TIFF_START + 2 + 12 * (len(tags) + count) + 4
    return tiff([*tags, *((1000 + i, BYTE, size, offset) for i in range(count))], bytes(size))


def _grey_tags(width: int, height: int) -> dict[int, tuple[int, int, int]]:
    return {
        256: (LONG, 1, width),
        257: (LONG, 1, height),
        258: (SHORT, 1, 8),
        259: (SHORT, 1, 1),
        262: (SHORT, 1, 1),
        273: (LONG, 1, 8),
        277: (SHORT, 1, 1),
        278: (LONG, 1, height),
        279: (LONG, 1, width * height & 0xFFFFFFFF),
    }


def bmp(width: int, height: int, data: bytes, *, bits: int = 8, compression: int = 0) -> bytes:
    """Return a BMP with a 40-byte header and a full palette; compression 1 and 2 are RLE8 and RLE4."""
    palette = bytes(4 << bits) if bits <= 8 else b""
    start = 54 + len(palette)
    head = b"BM" + struct.pack("<IHHI", min(start + len(data), 2**32 - 1), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0)
    return head + info + palette + data


def gif(width: int, height: int, *, frames: int = 1, code_size: int = 2) -> bytes:
    """Return a GIF that declares this size and holds `frames` frames of one pixel each."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    control = b"\x21\xf9\x04\x00\x01\x00\x00\x00"
    frame = control + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + bytes((code_size, 2, 0x44, 0x01, 0))
    return head + frame * frames + b"\x3b"


def webp_flat(width: int, height: int) -> bytes:
    """Return a lossless WebP of one colour with alpha: about 30 bytes for any size up to 16384 x 16384."""
    bits = 0x2F | (width - 1) << 8 | (height - 1) << 22 | 1 << 36  # signature, size, alpha used, version 0
    # No transform, no colour cache, no meta codes; then five codes of one symbol each: 1 simple, 0 one symbol, 0 1-bit, value.
    at = 40
    for length, value in ((1, 0), (1, 0), (1, 0)):
        bits |= value << at
        at += length
    for symbol in (120, 90, 200, 120, 0):  # green, red, blue, alpha, distance
        bits |= 1 << at | 0 << (at + 1) | 1 << (at + 2) | symbol << (at + 3)
        at += 11
    body = bits.to_bytes(-(-at // 8), "little")
    chunk = b"VP8L" + len(body).to_bytes(4, "little") + body + bytes(len(body) & 1)
    return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
