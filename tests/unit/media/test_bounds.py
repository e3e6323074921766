"""Decoding costs what the picture is worth: bombs are refused at once, and large pictures never lie about in copies."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image, ImageOps

from forensics.domain.errors import MediaCorrupt, MediaTooLargePixels
from forensics.media import image as media_image
from forensics.media.bounds import MAX_JPEG_SCANS, jpeg_scans, refuse_bombs
from forensics.media.image import decode_image
from tests.support import bombs

RAMP = np.linspace(0, 255, 40 * 31).astype(np.uint8).reshape(40, 31)
COLOURS = np.stack([RAMP, RAMP.T.reshape(40, 31), 255 - RAMP, RAMP // 2 + 90], axis=-1)  # (40, 31, 4)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def deep(scale: int) -> Image.Image:
    return Image.fromarray(RAMP.astype(np.uint16) * np.uint16(scale))


PICTURES = {
    "rgb": encoded(Image.fromarray(COLOURS[..., :3]), "PNG"),
    "rgba": encoded(Image.fromarray(COLOURS), "PNG"),
    "grey-alpha": encoded(Image.fromarray(COLOURS).convert("LA"), "PNG"),
    "palette": encoded(Image.fromarray(COLOURS[..., :3]).quantize(200), "PNG", transparency=7),
    "one-bit": encoded(Image.fromarray(RAMP).convert("1"), "PNG"),
    "16-bit": encoded(deep(257), "PNG"),
    "16-bit-dark": encoded(deep(1), "PNG"),
    "float": encoded(Image.fromarray(RAMP.astype(np.float32) * 200), "TIFF"),
    "cmyk": encoded(Image.fromarray(COLOURS[..., :3]).convert("CMYK"), "JPEG"),
    "webp": encoded(Image.fromarray(COLOURS), "WEBP"),
    "avif": encoded(Image.fromarray(COLOURS), "AVIF"),
    "heif": encoded(Image.fromarray(COLOURS), "HEIF"),
    "gif": encoded(Image.fromarray(COLOURS[..., :3]), "GIF"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_strips_give_the_pixels_of_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = decode_image(PICTURES[name]).rgb
    monkeypatch.setattr(media_image, "STRIP_PIXELS", 31 * 7)  # 40 rows are five strips of 7 and one of 5
    assert np.array_equal(decode_image(PICTURES[name]).rgb, whole)
    assert whole.std() > 20  # the comparison is not of one colour with itself


@pytest.mark.parametrize("orientation", [None, *range(10)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_pictures_are_turned_as_pillow_turns_them(format: str, orientation: int | None) -> None:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    data = encoded(Image.fromarray(COLOURS[..., :3]), format, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert np.array_equal(decode_image(data).rgb, expected)


def test_scans_are_counted_in_the_first_image_only() -> None:
    photo = encoded(Image.fromarray(COLOURS[..., :3]), "JPEG", progressive=True)
    assert 8 <= jpeg_scans(photo) <= 12
    trailer = b"\xff\xda" * 500  # a film behind a motion photo holds such bytes by chance
    thumbnail = bombs.jpeg_with([(0xE2, trailer)])
    for innocent in (photo + trailer, thumbnail):
        assert jpeg_scans(innocent) <= 12
        assert decode_image(innocent).rgb.size > 0


def test_a_scan_bomb_is_refused_before_it_is_decoded() -> None:
    assert decode_image(bombs.jpeg_scans(640, 480, scans=MAX_JPEG_SCANS)).width == 640
    bomb = bombs.jpeg_scans(9900, 10_000, scans=2000)
    assert len(bomb) < 2 * bombs.MB
    start = time.perf_counter()
    with pytest.raises(MediaCorrupt, match="scans"):
        decode_image(bomb)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "header",
    [b"\xff" * 3 * bombs.MB, bytes(3 * bombs.MB), b"\xff\xed\x00\x02" * 60_000, b"\xff\xd0" * 900_000],
    ids=["fill bytes", "zeros", "empty segments", "restart markers"],
)
def test_a_jpeg_header_in_too_many_pieces_is_refused(header: bytes) -> None:
    photo = bombs.saved("JPEG")
    start = time.perf_counter()
    with pytest.raises(MediaCorrupt, match="pieces"):
        decode_image(photo[:2] + header + photo[2:])
    assert time.perf_counter() - start < 0.5


def test_png_data_in_too_many_pieces_are_refused() -> None:
    photo = bombs.saved("PNG")
    at = photo.index(b"IDAT") - 4
    for pieces, refused in ((50_000, False), (150_000, True)):
        data = photo[:at] + bombs.png_chunk(b"IDAT", b"") * pieces + photo[at:]
        if refused:
            with pytest.raises(MediaCorrupt, match="pieces"):
                decode_image(data)
        else:
            assert np.array_equal(decode_image(data).rgb, decode_image(photo).rgb)


def test_padding_that_cameras_write_is_no_bomb() -> None:
    photo = bombs.saved("JPEG")
    padded = photo[:2] + b"\xff" * 60_000 + photo[2:]
    assert np.array_equal(decode_image(padded).rgb, decode_image(photo).rgb)


def test_a_side_is_bounded() -> None:
    assert decode_image(bombs.png_flat(1, 65_535, colour=bombs.GREY)).height == 65_535
    with pytest.raises(MediaTooLargePixels, match="side"):
        decode_image(bombs.png_flat(1, 65_536, colour=bombs.GREY))


def test_a_tiff_of_a_million_strips_is_refused_before_it_is_opened() -> None:
    assert decode_image(bombs.tiff_strips(500)).height == 500
    start = time.perf_counter()
    with pytest.raises(MediaCorrupt, match="values"):
        decode_image(bombs.tiff_strips(1_000_000))
    assert time.perf_counter() - start < 0.5


def test_the_directory_of_a_bigtiff_is_counted_too() -> None:
    for order, mark in (("little", b"II"), ("big", b"MM")):
        numbers = ((43, 2), (8, 2), (0, 2), (16, 8), (1, 8), (273, 2), (4, 2), (1 << 40, 8), (0, 8))
        data = mark + b"".join(value.to_bytes(size, order) for value, size in numbers)  # type: ignore[arg-type]
        with pytest.raises(MediaCorrupt):
            refuse_bombs(data)


@pytest.mark.parametrize(
    "data", [b"II", b"MM\x00*", b"II*\x00\xff\xff\xff\xff" + bytes(8), b"\xff\xd8", b"II+\x00" + b"\xff" * 20]
)
def test_a_stump_is_no_bomb(data: bytes) -> None:
    refuse_bombs(data)


def test_run_lengths_of_a_bmp_are_bounded() -> None:
    line_ends = bombs.bmp(99_000_000, 1, b"\x01\x05\x00\x00\x00\x01", compression=1)
    start = time.perf_counter()
    with pytest.raises(MediaTooLargePixels, match="16 megapixels"):
        decode_image(line_ends)
    assert time.perf_counter() - start < 0.5
    assert decode_image(bombs.bmp(255, 1, b"\xff\x05\x00\x01", compression=1)).width == 255


def test_formats_that_cost_most_have_a_limit_of_their_own() -> None:
    with pytest.raises(MediaTooLargePixels, match="64 megapixels"):
        decode_image(bombs.webp_flat(10_000, 9_000))
    assert decode_image(bombs.webp_flat(300, 200)).rgb[0, 0].tolist() == [177, 191, 229]  # over white
    with pytest.raises(MediaTooLargePixels, match="10 megapixels"):  # never above what the caller allows
        decode_image(bombs.webp_flat(10_000, 9_000), max_pixels=10_000_000)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read as Linux tells it")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "peak_mb"),
    [
        (bombs.png_flat(9_900, 10_000), 900),
        (bombs.png_flat(9_900, 10_000, colour=bombs.RGBA), 900),
        (bombs.png_flat(9_900, 10_000, colour=bombs.GREY, depth=16), 900),
        (bombs.webp_flat(8_000, 7_990), 1300),
        (bombs.jpeg_scans(9_900, 10_000, scans=10), 900),
    ],
    ids=["rgb", "rgba", "16-bit", "webp", "jpeg"],
)
def test_the_largest_pictures_fit_the_functions_memory(data: bytes, peak_mb: int) -> None:
    script = (
        "import resource, sys; from forensics.media.image import decode_image; decode_image(sys.stdin.buffer.read());"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    run = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True, env=os.environ)
    assert int(run.stdout) < peak_mb
