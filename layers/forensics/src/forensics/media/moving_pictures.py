"""Animated GIF, WebP and PNG as films: the frame that is shown at each wanted time, drawn by Pillow from the first frame on."""

from __future__ import annotations

import bisect
import io
import warnings
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.errors import MediaCorrupt, MediaTooLargePixels, MediaTooLong, MediaTypeMismatch, PayloadTooLarge
from forensics.domain.video import VideoFacts
from forensics.media.animation import MAX_FRAMES, Animation, read_animation
from forensics.media.flatten import over_white
from forensics.media.png_chunks import without_png_extras

MAX_BYTES = 50_000_000  # as of a picture: it is held in memory as a whole
MAX_CANVAS_PIXELS = 16_000_000
MAX_DRAWN_PIXELS = 2_000_000_000  # of all frames together: every worker draws from the first frame on
_MAGIC = (b"GIF87a", b"GIF89a", b"\x89PNG\r\n")
_FORMATS = {"gif": "GIF", "webp": "WEBP", "png": "PNG"}
_APNG_CHUNKS = (b"acTL", b"fcTL", b"fdAT")
# As in media/image.py: everything Pillow's parsers are known to raise on hostile bytes.
_PARSE_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, SyntaxError, TypeError, ValueError),
)

Rgb = NDArray[np.uint8]


def is_moving_picture(source: BinaryIO) -> bool:
    """Tell by the first bytes whether a file is a GIF, WebP or PNG."""
    source.seek(0)
    head = source.read(12)
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:] == b"WEBP")


def probe_moving_picture(source: BinaryIO, *, max_seconds: float) -> VideoFacts:
    """Return what an animation is, with its first frame drawn to see that it can be.

    Raises MediaTypeMismatch (one frame), PayloadTooLarge, MediaTooLong, MediaTooLargePixels or MediaCorrupt.
    """
    data, found = _read(source)
    if len(found.delays_ms) == 1:
        raise MediaTypeMismatch(f"The file is image ({found.name}), not video.")
    duration_s = sum(found.delays_ms) / 1000
    if duration_s > max_seconds:
        raise MediaTooLong(f"A video may last at most {max_seconds / 60:g} minutes.")
    if next(_drawn(data, found), None) is None:
        raise MediaCorrupt("No frame of the animation can be decoded.")
    return VideoFacts(
        container=found.name,
        codec=found.name,
        width=found.width,
        height=found.height,
        duration_s=round(duration_s, 3),
        fps=round(len(found.delays_ms) / duration_s, 3),
        rotation=0,
        has_audio=False,
        bytes=0,
        sha256="",
    )


def moving_frames(source: BinaryIO, times: Iterable[float]) -> Iterator[tuple[float, float, Rgb]]:
    """Yield for each time, ascending seconds, itself, when the frame shown then came, and its pixels, uint8 (height, width, 3).

    Ends early at a frame that cannot be drawn; raises MediaCorrupt when the file is none any more.
    """
    data, found = _read(source)
    starts = [0, *accumulate(found.delays_ms)][:-1]
    frames, drawn = enumerate(_drawn(data, found)), -1
    rgb: Rgb | None = None
    for wanted in times:
        number = max(0, bisect.bisect_right(starts, round(wanted * 1000)) - 1)
        while drawn < number:
            drawn, image = next(frames, (len(starts), None))
            if image is None:
                return
            rgb = np.asarray(over_white(image), dtype=np.uint8) if drawn == number else None
        if rgb is not None:
            yield wanted, starts[number] / 1000, rgb


def _read(source: BinaryIO) -> tuple[bytes, Animation]:
    source.seek(0)
    data = source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PayloadTooLarge(f"An animation may have at most {MAX_BYTES} bytes.")
    found = read_animation(data)
    if found is None or not found.delays_ms:
        raise MediaCorrupt("The animation's header is damaged or cut short.")
    pixels = found.width * found.height
    if len(found.delays_ms) > MAX_FRAMES:
        raise MediaTooLong(f"An animation may have at most {MAX_FRAMES} frames.")
    if not 0 < pixels <= MAX_CANVAS_PIXELS or pixels * len(found.delays_ms) > MAX_DRAWN_PIXELS:
        raise MediaTooLargePixels(
            f"An animation may have at most {MAX_CANVAS_PIXELS // 1_000_000} megapixels, "
            f"and {MAX_DRAWN_PIXELS // 1_000_000} in all its frames."
        )
    return data, found


def _drawn(data: bytes, found: Animation) -> Iterator[Image.Image]:
    """Yield the frames one by one, each valid until the next; ends where one cannot be drawn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(
                io.BytesIO(without_png_extras(data, also=_APNG_CHUNKS)), formats=[_FORMATS[found.name]]
            ) as image:
                beside = int(getattr(image, "default_image", False))  # a PNG's picture for those who show no animations
                for number in range(len(found.delays_ms)):
                    image.seek(number + beside)
                    image.load()
                    yield image
        except _PARSE_ERRORS:
            return
