from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from forensics.domain.errors import DetectorError, MediaCorrupt, MediaTooLargePixels, UnsupportedMediaType
from forensics.media.image import decode_image
from forensics.media.sniff import sniff

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"]
SNIFFED = {"HEIF": "heic"}
GRADIENT = np.indices((48, 64)).sum(axis=0).astype(np.uint8)  # (height, width)
PICTURE = Image.fromarray(np.stack([GRADIENT, GRADIENT * 2, 255 - GRADIENT], axis=-1))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_every_promised_format_is_sniffed_and_decoded(format: str) -> None:
    data = encoded(PICTURE, format)
    kind, image = sniff(data), decode_image(data)
    assert (kind.media_type, kind.name) == ("image", SNIFFED.get(format, format.lower()))
    assert (image.width, image.height, image.format) == (64, 48, format)
    difference = np.abs(image.rgb.astype(int) - np.asarray(PICTURE).astype(int)).mean()
    assert difference < (12 if format == "GIF" else 6)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    for format in ("GIF", "WEBP", "TIFF", "PNG"):
        image = decode_image(encoded(red, format, save_all=True, append_images=[blue]))
        assert image.rgb[0, 0].tolist() == pytest.approx([255, 0, 0], abs=4), format


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate 90 degrees clockwise to show
    image = decode_image(encoded(PICTURE, "JPEG", exif=exif.tobytes()))
    assert (image.width, image.height) == (48, 64)


@pytest.mark.parametrize(
    ("picture", "pixel"),
    [
        (Image.new("RGBA", (4, 4), (0, 0, 0, 0)), [255, 255, 255]),
        (Image.new("LA", (4, 4), (0, 0)), [255, 255, 255]),
        (Image.new("L", (4, 4), 7), [7, 7, 7]),
        (Image.new("1", (4, 4), 1), [255, 255, 255]),
        (Image.fromarray(np.full((4, 4), 65535, dtype=np.uint16)), [255, 255, 255]),
        (Image.new("CMYK", (4, 4), (0, 0, 0, 0)), [255, 255, 255]),
        (Image.new("F", (4, 4), float("nan")), [0, 0, 0]),
    ],
)
def test_odd_modes_become_rgb_over_white(picture: Image.Image, pixel: list[int]) -> None:
    format = "TIFF" if picture.mode in ("CMYK", "F") else "PNG"
    assert decode_image(encoded(picture, format)).rgb[0, 0].tolist() == pixel


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_declaring(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(10_001, 10_000), (2**31 - 1, 2**31 - 1), (100_000, 50_000)])
def test_a_pixel_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    start = time.monotonic()
    with pytest.raises(MediaTooLargePixels):
        decode_image(png_declaring(width, height))
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_truncated_file_is_a_typed_error_or_still_a_picture(format: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8))
    data = encoded(noise, format)
    try:
        image = decode_image(data[: int(len(data) * share)])
    except (MediaCorrupt, UnsupportedMediaType):
        return
    assert image.rgb.shape == (96, 96, 3)


def test_a_truncated_jpeg_is_corrupt(photo: bytes) -> None:
    with pytest.raises(MediaCorrupt):
        decode_image(photo[: len(photo) // 2])


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"hello, this is text", b"%PDF-1.7 ...", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_image_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        decode_image(data)


def test_bombs_in_the_text_and_profile_of_a_png_are_never_inflated() -> None:
    info = PngInfo()
    info.add_text("parameters", "A" * 50_000_000, zip=True)
    data = encoded(PICTURE, "PNG", pnginfo=info, icc_profile=b"\x00" * 30_000_000)
    tracemalloc.start()
    image = decode_image(data)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (image.rgb == np.asarray(PICTURE)).all() and peak_bytes < 5_000_000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=12),
)
def test_flipped_bits_never_raise_anything_untyped(format: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(encoded(PICTURE, format))
    for place, mask in flips:
        data[int(place * len(data))] ^= mask
    try:
        decode_image(bytes(data))
    except DetectorError:
        return
