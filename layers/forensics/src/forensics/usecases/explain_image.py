"""What shows why a picture was judged so: where its score comes from, as a picture that holds no pixel of it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from forensics.domain.scores import Region
from forensics.media.image import DecodedImage

LONGEST_PX = 1024
CELLS = 64  # of a map of faces, along the longer side
CLASS = "P(fake): black 0, white 1"


def heatmap_png(grid: NDArray[np.float32], image: DecodedImage, *, model: str) -> bytes:
    """Draw a (rows, columns) grid of P(fake) as a grey PNG in the picture's shape, its longer side at most 1024 px.

    The texts `Model` and `Class` of the PNG say whose scores they are and what is white. It may outlive the media.
    """
    scale = min(1.0, LONGEST_PX / max(image.width, image.height))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    grey = Image.fromarray(np.clip(grid * 255.0, 0, 255).astype(np.uint8), mode="L")
    said, buffer = PngInfo(), io.BytesIO()
    said.add_text("Model", model)
    said.add_text("Class", CLASS)
    grey.resize(size, Image.Resampling.BICUBIC).save(buffer, format="PNG", pnginfo=said)
    return buffer.getvalue()


def faces_grid(faces: Sequence[Region], *, width: int, height: int) -> NDArray[np.float32]:
    """Return each face's P(fake) where it lies in a picture of `width` x `height` pixels, 0 elsewhere: (rows, columns)."""
    scale = CELLS / max(width, height)
    grid = np.zeros((max(1, round(height * scale)), max(1, round(width * scale))), np.float32)
    for face in faces:
        top, left = (max(0, int(v * scale)) for v in (face.y, face.x))
        bottom, right = (int(np.ceil(v * scale)) for v in (face.y + face.h, face.x + face.w))
        part = grid[top:bottom, left:right]
        np.maximum(part, face.score, out=part)
    return grid
