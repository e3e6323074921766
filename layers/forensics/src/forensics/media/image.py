"""Image bytes to pixels: one decoder for serving and training."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from forensics.domain.errors import MediaCorrupt, MediaTooLargePixels, UnsupportedMediaType
from forensics.media.sniff import sniff

pillow_heif.register_heif_opener()

MAX_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")

# Everything Pillow's parsers are known to raise on hostile bytes; anything else is our bug and stays a 500.
_PARSE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # also NotImplementedError
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class DecodedImage:
    """The first frame, upright: `rgb` is uint8 (height, width, 3); `format` is Pillow's name."""

    rgb: NDArray[np.uint8]
    format: str

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Decode the first frame to upright RGB, transparent pixels over white.

    Raises UnsupportedMediaType, MediaTooLargePixels (declared size, before any pixel is decoded) or MediaCorrupt.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(without_png_extras(data)), formats=FORMATS)
        except UnidentifiedImageError as exc:
            raise _unidentified(data) from exc
        except Image.DecompressionBombError as exc:
            raise MediaTooLargePixels(_pixels_text(max_pixels)) from exc
        except _PARSE_ERRORS as exc:
            raise MediaCorrupt("The image header cannot be read.") from exc
        with image:
            if image.width * image.height > max_pixels:
                raise MediaTooLargePixels(_pixels_text(max_pixels))
            return _pixels(image)


def _unidentified(data: bytes) -> MediaCorrupt | UnsupportedMediaType:
    """A known signature with nothing behind it is a damaged file; anything else is no picture."""
    try:
        is_image = sniff(data).media_type == "image"
    except UnsupportedMediaType as error:
        return error
    if is_image:
        return MediaCorrupt("The image header is damaged or cut short.")
    return UnsupportedMediaType("The bytes are no image format this service reads.")


def without_png_extras(data: bytes) -> bytes:
    """Return a PNG with only the chunks that pixels and orientation need; anything else comes back as it is.

    Text and colour profiles are where decompression bombs hide; a picture with one is still a picture, and provenance reads
    the text by itself, under its own caps.
    """
    if not data.startswith(PNG_SIGNATURE):
        return data
    kept, offset = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while offset + 12 <= len(data):
        end = offset + 12 + int.from_bytes(data[offset : offset + 4], "big")
        if data[offset + 4 : offset + 8] in PNG_NEEDED:
            kept.append(data[offset:end])
        offset = end
    return b"".join(kept)


def _pixels(image: Image.Image) -> DecodedImage:
    name = image.format or "unknown"
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        rgb = np.asarray(_flatten(upright), dtype=np.uint8)  # (height, width, 3)
    except _PARSE_ERRORS as exc:
        raise MediaCorrupt("The image data is damaged or cut short.") from exc
    return DecodedImage(rgb=rgb, format="JPEG" if name == "MPO" else name)


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image, dtype=np.float32)
        top = 255.0 if values.max(initial=0.0) <= 255 else 65535.0
        return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _pixels_text(max_pixels: int) -> str:
    return f"The picture declares more than {max_pixels // 1_000_000} megapixels."
