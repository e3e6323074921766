"""The hostile calls that are written by hand, family by family."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from tests.support import bombs
from tests.support.bombs import MB, jpeg_with, png_with, saved
from tests.support.hostile import Call, Hostile, upload
from tests.support.malformed import malformed_calls

Make = Callable[[], bytes]
Bytes = TypeVar("Bytes", bytes, Call)
MAX_U16, MAX_I32, MAX_U32 = 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF
PIXELS_99M = (9_900, 10_000)
XMP = b"http://ns.adobe.com/xap/1.0/\x00"


def crafted_calls(files: Mapping[str, bytes], signed: Mapping[str, bytes]) -> Iterator[Hostile]:
    """Yield every hand-made call; `files` and `signed` are good pictures by name."""
    families: Mapping[str, Mapping[str, Make]] = {
        "empty": _stumps(),
        "size": _declared_sizes(files),
        "pixels": _pixel_bombs(),
        "work": _work_bombs(),
        "metadata": _metadata_bombs(),
        "directory": _directories(),
        "jumbf": _boxes(signed),
        "polyglot": _polyglots(files),
    }
    for family, makers in families.items():
        for name, make in makers.items():
            yield Hostile(f"{family}: {name}", partial(_uploaded, make))
    for name, call in malformed_calls(files).items():
        yield Hostile(f"request: {name}", partial(_same, call))


def _uploaded(make: Make) -> Call:
    return upload(make())


def _same(value: Bytes) -> Bytes:
    return value


def _stumps() -> dict[str, Make]:
    heads = {
        "nothing": b"",
        "one byte": b"\xff",
        "png": bombs.PNG_SIGNATURE,
        "jpeg": b"\xff\xd8\xff",
        "gif": b"GIF89a",
        "bmp": b"BM",
        "tiff": b"II*\x00",
        "bigtiff": b"MM\x00+\x00\x08\x00\x00" + b"\xff" * 8,
        "webp": b"RIFF\xff\xff\xff\xffWEBPVP8X",
        "heic": b"\x00\x00\x00\x18ftypheic" + bytes(12),
        "avif": b"\xff\xff\xff\xffftypavif" + b"mif1" * 900,
        "zeros": bytes(MB),
    }
    return {name: partial(_same, data) for name, data in heads.items()}


def _declared_sizes(files: Mapping[str, bytes]) -> dict[str, Make]:
    """Small files that declare what they do not hold."""
    sizes = {"99 MP": PIXELS_99M, "900 MP": (30_000, 30_000), "most": (MAX_U16, MAX_U16), "none": (0, 0)}
    makers: dict[str, Make] = {}
    for name, (width, height) in sizes.items():
        big_endian = struct.pack(">II", width, height)
        makers |= {
            f"png {name}": partial(bombs.png, width, height, zlib.compress(bytes(4000))),
            f"jpeg {name}": partial(_patched, files["seed.jpg"], b"\xff\xc0", struct.pack(">HH", height, width), 5),
            f"gif {name}": partial(bombs.gif, width, height),
            f"bmp {name}": partial(bombs.bmp, width, height, bytes(900)),
            f"tiff {name}": partial(bombs.tiff_grey, width, height),
            f"webp {name}": partial(_webp_canvas, width, height),
            f"avif {name}": partial(_patched, files["seed.avif"], b"ispe", big_endian, 8),
            f"heif {name}": partial(_patched, files["seed.heif"], b"ispe", big_endian, 8),
        }
    return makers | {
        "png 2^31-1": lambda: bombs.png(MAX_I32, MAX_I32, b""),
        "png 2^32-1 wide": lambda: bombs.png(MAX_U32, 1, b""),
        "png one column": lambda: bombs.png(1, MAX_I32, zlib.compress(bytes(MB))),
        "bmp upside down": lambda: bombs.bmp(10_000, -(2**31), bytes(900)),
        "bmp of 255 bits": lambda: bombs.bmp(90, 90, bytes(900), bits=255),
        "tiff 2^32-1": lambda: bombs.tiff_grey(MAX_U32, MAX_U32),
        "webp lossless 16384": lambda: bombs.webp_flat(16_384, 16_384),
        "heif ispe 2^32-1": lambda: _patched(files["seed.heif"], b"ispe", b"\xff" * 8, 8),
    }


def _pixel_bombs() -> dict[str, Make]:
    """Whole pictures of up to 100 megapixels that weigh next to nothing."""
    flat: Callable[..., bytes] = bombs.png_flat
    return {
        "png grey 99 MP": lambda: flat(*PIXELS_99M, colour=bombs.GREY),
        "png rgb 99 MP": lambda: flat(*PIXELS_99M),
        "png rgba 99 MP": lambda: flat(*PIXELS_99M, colour=bombs.RGBA),
        "png 1 bit 99 MP": lambda: flat(*PIXELS_99M, depth=1, colour=bombs.GREY),
        "png 16 bit 99 MP": lambda: flat(*PIXELS_99M, depth=16, colour=bombs.GREY),
        "png rgba 16 bit 60 MP": lambda: flat(6_000, 10_000, depth=16, colour=bombs.RGBA),
        "png interlaced 90 MP": lambda: flat(9_000, 10_000, interlace=1),
        "png palette 99 MP": lambda: flat(*PIXELS_99M, colour=bombs.PALETTE),
        "png cut short 99 MP": lambda: flat(*PIXELS_99M)[:4000],
        "png one row of 99 MP": lambda: flat(99_000_000, 1, colour=bombs.GREY),
        "png one column of 99 MP": lambda: flat(1, 99_000_000, colour=bombs.GREY),
        "png 101 MP": lambda: flat(10_100, 10_000),
        "png of one pixel, 300 MB inside": lambda: bombs.png(1, 1, bombs.deflated_zeros(300 * MB)),
        "jpeg 99 MP": lambda: bombs.jpeg_scans(*PIXELS_99M, scans=1),
        "webp 64 MP": lambda: bombs.webp_flat(8_000, 7_990),
        "webp 99 MP": lambda: bombs.webp_flat(*PIXELS_99M),
        "bmp run lengths 99 MP": lambda: bombs.bmp(*PIXELS_99M, b"\xff\x01" * 39 * 10_000, compression=1),
        "bmp line ends of 99 MP": lambda: bombs.bmp(99_000_000, 1, b"\x01\x05\x00\x00", compression=1),
        "bmp line ends of 16 MP": lambda: bombs.bmp(15_900_000, 1, b"\x01\x05\x00\x00", compression=1),
        "bmp deltas": lambda: bombs.bmp(3_900, 4_000, b"\x00\x02\xff\xff" * 400, bits=4, compression=2),
        "gif 99 MP": lambda: bombs.gif(*PIXELS_99M),
        "tiff 99 MP": lambda: bombs.tiff_grey(*PIXELS_99M, {259: (3, 1, 32773)}),
    }


def _work_bombs() -> dict[str, Make]:
    """Pictures whose decoding is long rather than large."""
    return {
        "jpeg 100 scans of 99 MP": lambda: bombs.jpeg_scans(*PIXELS_99M, scans=100),
        "jpeg 101 scans": lambda: bombs.jpeg_scans(640, 480, scans=101),
        "jpeg 5000 scans": lambda: bombs.jpeg_scans(*PIXELS_99M, scans=4000),
        "jpeg arithmetic 99 MP": lambda: bombs.jpeg_arithmetic(*PIXELS_99M, scans=99),
        "jpeg restart markers": lambda: saved("JPEG")[:-2] + b"\xff\xd0" * 900_000 + b"\xff\xd9",
        "jpeg fill bytes": lambda: saved("JPEG")[:2] + b"\xff" * 3 * MB + saved("JPEG")[2:],
        "jpeg 50 000 tables": lambda: jpeg_with([(0xDB, b"\x00" + b"\x01" * 64)] * 50_000),
        "jpeg 100 000 comments": lambda: jpeg_with([(0xFE, b"hello")] * 100_000),
        "jpeg 500 000 empty segments": lambda: jpeg_with([(0xED, b"")] * 500_000),
        "gif 100 000 frames": lambda: bombs.gif(64, 48, frames=100_000),
        "gif code size 0": lambda: bombs.gif(64, 48, code_size=0),
        "gif code size 255": lambda: bombs.gif(64, 48, code_size=255),
        "gif comment": lambda: saved("GIF")[:-1] + b"\x21\xfe" + b"\xff" + bytes(255) + b"\x00;",
        "png 300 000 chunks": lambda: png_with([(b"tEXt", b"")] * 300_000),
        "png 30 000 pieces of IDAT": lambda: _scattered_png(),
        "tiff 900 000 strips": lambda: bombs.tiff_strips(900_000),
        "tiff 190 000 strips": lambda: bombs.tiff_strips(190_000),
    }


def _metadata_bombs() -> dict[str, Make]:
    inflated = bombs.deflated_zeros(300 * MB)
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    laughter = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x:xmpmeta xmlns:x="adobe:ns:meta/">&l11;</x:xmpmeta>'.encode()
    nested = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + b"<a>" * 300_000 + b"</x:xmpmeta>"
    xmp_key = b"XML:com.adobe.xmp\x00\x01\x00\x00\x00"
    return {
        "png zTXt 300 MB": lambda: png_with([(b"zTXt", b"parameters\x00\x00" + inflated)]),
        "png iTXt 300 MB": lambda: png_with([(b"iTXt", b"prompt\x00\x01\x00\x00\x00" + inflated)]),
        "png iTXt XMP 300 MB": lambda: png_with([(b"iTXt", xmp_key + inflated)]),
        "png iCCP 300 MB": lambda: png_with([(b"iCCP", b"icc\x00\x00" + inflated)]),
        "png 12 bombs": lambda: png_with([(b"zTXt", b"k%d\x00\x00" % i + inflated) for i in range(12)]),
        "png eXIf of wild values": lambda: png_with([(b"eXIf", bombs.tiff_values(400, MB))]),
        "png raw profile": lambda: png_with([(b"tEXt", b"Raw profile type exif\x00\nexif\n 9999999\n" + b"4949" * 99)]),
        "png comfy graph": lambda: png_with([(b"tEXt", b"prompt\x00" + b'{"1":' * 90_000)]),
        "png parameters": lambda: png_with([(b"tEXt", b"parameters\x00" + b"\nSteps: 20," * 80_000)]),
        "jpeg XMP entities": lambda: jpeg_with([(0xE1, XMP + laughter)]),
        "jpeg XMP as UTF-16": lambda: jpeg_with([(0xE1, XMP + b"\xff\xfe" + laughter.decode().encode("utf-16-le"))]),
        "webp XMP depth": lambda: saved("WEBP", xmp=nested),
        "png XMP entities": lambda: png_with([(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + laughter)]),
        "jpeg ICC of 255 pieces": lambda: jpeg_with(
            [(0xE2, b"ICC_PROFILE\x00" + bytes((i, 255)) + bytes(9000)) for i in range(1, 255)]
        ),
        "jpeg ICC that lies": lambda: jpeg_with([(0xE2, b"ICC_PROFILE\x00\x01\x01" + b"\xff" * 4 + bytes(200))]),
        "webp ICC": lambda: saved("WEBP", icc_profile=b"\xff" * 2 * MB),
        "jpeg EXIF of wild values": lambda: _jpeg_exif(bombs.tiff_values(1000, 40_000)),
        "jpeg EXIF in 60 segments": lambda: _jpeg_exif(bombs.tiff_values(300, 3 * MB)),
        "jpeg multi-picture": lambda: jpeg_with([(0xE2, b"MPF\x00" + bombs.tiff_values(900, 30_000))]),
        "jpeg IPTC": lambda: jpeg_with([(0xED, b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\xff\xff\xff\xff")]),
        "heif EXIF": lambda: saved("HEIF", exif=b"Exif\x00\x00" + bombs.tiff_values(400, MB)),
        "avif XMP": lambda: saved("AVIF", xmp=nested),
    }


def _directories() -> dict[str, Make]:
    """TIFF directories that loop, nest and lie."""
    ifd = 256
    grey = bombs.tiff_grey
    return {
        "next is itself": lambda: bombs.tiff([(256, 4, 1, 9)], following=ifd),
        "exif is itself": lambda: grey(8, 8, {34665: (4, 1, ifd)}) + bytes(64),
        "gps is itself": lambda: grey(8, 8, {34853: (4, 1, ifd)}) + bytes(64),
        "many children": lambda: grey(8, 8, {330: (4, 60, ifd)}) + bytes(640),
        "jpeg exif loop": lambda: _jpeg_exif(bombs.tiff([(34665, 4, 1, ifd), (40965, 4, 1, ifd)], following=ifd)),
        "png exif loop": lambda: png_with([(b"eXIf", bombs.tiff([(34665, 4, 1, ifd)], following=ifd))]),
        "wild values": lambda: bombs.tiff_values(400, 3 * MB),
        "65 535 entries": lambda: bombs.tiff((i, 3, 1, i) for i in range(65_535)),
        "tile of 2^31": lambda: grey(
            9, 9, {322: (4, 1, 1 << 31), 323: (4, 1, 1 << 31), 324: (4, 1, 8), 325: (4, 1, 8)}
        ),
        "65 535 samples": lambda: grey(9, 9, {277: (3, 1, 65_535)}),
        "no samples": lambda: grey(9, 9, {277: (3, 1, 0)}),
        "64 bits": lambda: grey(9, 9, {258: (3, 1, 64), 339: (3, 1, 3)}),
        "strip beyond the end": lambda: grey(9, 9, {273: (4, 1, MAX_U32)}),
        "no rows in a strip": lambda: grey(9, 9, {278: (4, 1, 0)}),
        "unknown compression": lambda: grey(9, 9, {259: (3, 1, 34_712)}),
        "old jpeg inside": lambda: grey(900, 900, {259: (3, 1, 6)}),
        "new jpeg inside": lambda: grey(900, 900, {259: (3, 1, 7), 347: (7, 4, 0)}),
        "deflate of nothing": lambda: grey(9_000, 9_000, {259: (3, 1, 8)}),
        "fax of nothing": lambda: grey(9_000, 9_000, {259: (3, 1, 4), 258: (3, 1, 1)}),
        "a value for every type": lambda: bombs.tiff((1000 + i, i % 20, MAX_U32, 8) for i in range(60)),
    }


def _boxes(signed: Mapping[str, bytes]) -> dict[str, Make]:
    """C2PA manifests with one box length gone wild: JUMBF superboxes, descriptions and content."""
    makers: dict[str, Make] = {}
    for name, data in signed.items():
        for kind in (b"jumb", b"jumd", b"cbor", b"bfdb"):
            if kind in data:
                for length in (0, 1, 7, MAX_I32, MAX_U32):
                    wild = partial(_patched, data, kind, length.to_bytes(4, "big"), -4)
                    makers[f"{name} {kind.decode()} length {length}"] = wild
    jumb = (MAX_U32).to_bytes(4, "big") + b"jumb"
    return makers | {
        "jpeg of 3000 box heads": lambda: jpeg_with(
            [(0xEB, b"JP\x00\x01" + i.to_bytes(4, "big") + jumb) for i in range(3000)]
        ),
        "png of nested boxes": lambda: png_with([(b"caBX", b"\x00\x00\xff\xffjumb" * 50_000)]),
        "heif of a wild uuid box": lambda: saved("HEIF") + jumb.replace(b"jumb", b"uuid") + bytes(64),
        "heif of a 64-bit length": lambda: saved("HEIF") + b"\x00\x00\x00\x01uuid" + b"\xff" * 8 + bytes(64),
    }


def _polyglots(files: Mapping[str, bytes]) -> dict[str, Make]:
    jpeg, png = files["seed.jpg"], files["seed.png"]
    html = b"<html><script>alert(1)</script></html>"
    return {
        "jpeg and zip": lambda: jpeg + _zip(),
        "jpeg and zip of itself": lambda: jpeg_with([(0xFE, _zip()[:60_000])]),
        "png and html": lambda: png + html,
        "html and png": lambda: html + png,
        "gif and script": lambda: b"GIF89a/*" + saved("GIF")[8:] + b"*/=1;alert(1)",
        "bmp and jpeg": lambda: bombs.bmp(90, 90, jpeg, bits=24),
        "pdf and jpeg": lambda: b"%PDF-1.7\n" + jpeg,
        "avif brand on film": lambda: b"\x00\x00\x00\x1cftypisom\x00\x00\x02\x00avifmp41" + bytes(4000),
        "heic brand on avif": lambda: files["seed.avif"].replace(b"ftypavif", b"ftypheic"),
        "avif brand on heic": lambda: files["seed.heif"].replace(b"ftypheic", b"ftypavif"),
        "jpeg in jpeg": lambda: jpeg[:-2] + jpeg,
        "jpeg with 3 MB behind": lambda: jpeg + bytes(3 * MB),
        "png signature on jpeg": lambda: bombs.PNG_SIGNATURE + jpeg,
        "webp of png": lambda: b"RIFF" + len(png).to_bytes(4, "little") + b"WEBPVP8 " + png,
        "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    }


def _patched(data: bytes, mark: bytes, value: bytes, offset: int) -> bytes:
    """Overwrite the bytes at `offset` from every `mark`."""
    changed, at = bytearray(data), data.find(mark)
    while at >= 0:
        changed[at + offset : at + offset + len(value)] = value
        at = data.find(mark, at + 1)
    return bytes(changed)


def _webp_canvas(width: int, height: int) -> bytes:
    canvas = (
        b"\x10\x00\x00\x00"
        + (width - 1 & 0xFFFFFF).to_bytes(3, "little")
        + (height - 1 & 0xFFFFFF).to_bytes(3, "little")
    )
    body = b"WEBPVP8X" + len(canvas).to_bytes(4, "little") + canvas + bombs.webp_flat(64, 48)[12:]
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _jpeg_exif(block: bytes) -> bytes:
    pieces = range(0, len(block), 65_000)
    return jpeg_with([(0xE1, b"Exif\x00\x00" + block[at : at + 65_000]) for at in pieces])


def _scattered_png() -> bytes:
    """A PNG whose data come in pieces of one byte."""
    plain = saved("PNG", size=(300, 200))
    at = plain.index(b"IDAT")
    data = plain[at + 4 : at + 4 + int.from_bytes(plain[at - 4 : at], "big")]
    pieces = b"".join(
        bombs.png_chunk(b"IDAT", data[i : i + 1]) + bombs.png_chunk(b"IDAT", b"") * 90 for i in range(len(data))
    )
    return plain[: at - 4] + pieces + bombs.png_chunk(b"IEND", b"")


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.html", "<script>alert(1)</script>" * 1000)
    return buffer.getvalue()
