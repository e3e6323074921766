"""Image bytes to pixels: one decoder for serving and training."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from forensics.domain.errors import MediaCorrupt, MediaTooLargePixels, UnsupportedMediaType
from forensics.media.bounds import refuse_bombs
from forensics.media.flatten import over_white
from forensics.media.png_chunks import without_png_extras
from forensics.media.sniff import holds, sniff

pillow_heif.register_heif_opener()

MAX_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
MAX_SIDE_PX = 65_535  # JPEG's own limit; Pillow keeps a pointer for each row, and resizing a temporary one
# Of these, libraries hold up to 17 bytes for each pixel while decoding: the function's memory is the limit.
MAX_PIXELS_OF = {"WEBP": 64_000_000, "AVIF": 64_000_000, "HEIF": 64_000_000}
BMP_RLE = (1, 2)  # BITMAPINFOHEADER's biCompression: RLE8, RLE4
MAX_RLE_PIXELS = 16_000_000  # Pillow undoes run lengths in Python: 0.1 s for each megapixel
STRIP_PIXELS = 4_000_000

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
    refuse_bombs(data)
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
            limit = min(max_pixels, _costly_limit(image))
            if image.width * image.height > limit:
                raise MediaTooLargePixels(_pixels_text(limit))
            if max(image.size) > MAX_SIDE_PX:
                raise MediaTooLargePixels(f"A side of the picture has more than {MAX_SIDE_PX} pixels.")
            return _pixels(image)


def _unidentified(data: bytes) -> MediaCorrupt | UnsupportedMediaType:
    """A known signature with nothing behind it is a damaged file; anything else is no picture."""
    try:
        is_image = "image" in holds(sniff(data))
    except UnsupportedMediaType as error:
        return error
    if is_image:
        return MediaCorrupt("The image header is damaged or cut short.")
    return UnsupportedMediaType("The bytes are no image format this service reads.")


def _costly_limit(image: Image.Image) -> int:
    if image.format == "BMP" and image.info.get("compression") in BMP_RLE:
        return MAX_RLE_PIXELS
    return MAX_PIXELS_OF.get(image.format or "", MAX_PIXELS)


def _pixels(image: Image.Image) -> DecodedImage:
    name = image.format or "unknown"
    try:
        image.load()
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        rgb = _rgb(image)
    except _PARSE_ERRORS as exc:
        raise MediaCorrupt("The image data is damaged or cut short.") from exc
    image.close()  # its pixels go before they would be held three times
    return DecodedImage(rgb=_upright(rgb, orientation), format="JPEG" if name == "MPO" else name)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return uint8 (height, width, 3), strip by strip, so that a large picture is never held in several whole copies."""
    width, height = image.size
    top = _full_scale(image)
    rows = max(1, STRIP_PIXELS // width)
    if rows >= height:
        return np.asarray(_flatten(image, top), dtype=np.uint8)
    rgb = np.empty((height, width, 3), dtype=np.uint8)
    for y in range(0, height, rows):
        strip = image.crop((0, y, width, min(y + rows, height)))
        rgb[y : y + rows] = np.asarray(_flatten(strip, top))
    return rgb


def _upright(rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn and mirror as EXIF tells (EXIF 2.32 §4.6.5, Orientation: 1 to 8); any other value leaves the pixels alone."""
    if orientation in (5, 6, 7, 8):
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    return np.ascontiguousarray(rgb)


def _full_scale(image: Image.Image) -> float:
    """Return the value of white in a picture of 16 or 32 bits, told by the largest value of the whole picture."""
    if not _is_deep(image.mode):
        return 255.0
    width, height = image.size
    rows = max(1, STRIP_PIXELS // width)
    strips = (image.crop((0, y, width, min(y + rows, height))) for y in range(0, height, rows))
    largest = np.max([np.asarray(strip, dtype=np.float32).max(initial=0.0) for strip in strips])
    return 255.0 if largest <= 255 else 65535.0


def _is_deep(mode: str) -> bool:
    return mode.startswith("I;16") or mode in ("I", "F")


def _flatten(image: Image.Image, top: float) -> Image.Image:
    if _is_deep(image.mode):
        values = np.asarray(image, dtype=np.float32)
        return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)).convert("RGB")
    return over_white(image)


def _pixels_text(max_pixels: int) -> str:
    return f"The picture declares more than {max_pixels // 1_000_000} megapixels."
