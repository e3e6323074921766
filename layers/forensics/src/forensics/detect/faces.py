"""Faces of a picture: CenterFace (Xu et al. 2019, arXiv:1911.03599) over the whole of it, then close to each face once more.

The network is fetched at set-up (models/encoders.toml, MIT). It reads RGB 0..255 with sides that are multiples of 32 and answers
at a quarter of its input: P(face), logarithm of the size, offset of the centre, landmarks in units of the box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.detect.encoders import read_encoders
from forensics.detect.onnx import Array, OnnxModel
from forensics.domain.tracks import Face, FaceBox
from forensics.media.face_crop import cut

ENCODER = "centerface"
SWEEP_SIDE_PX = 416  # the longer side of a film's frame: faces from about 4 % of it are found
STILL_SWEEP_PX = (
    256  # and of a still, whose people are nearer; a third of the work, and faces that fill it have a size to be known
)
RETRY_SIDE_PX = 192  # where faces that fill the picture have a size that the network knows
CLOSE_SIDE_PX = 160  # a face and as much again around it
CLOSE_ZOOM = 2.0
LEAST_SCORE = 0.5
LEAST_FACE_PX = 24.0  # in the picture; below it there is nothing to judge
MOST_FACES = 4
MOST_CANDIDATES = 300
SAME_FACE = 0.3  # overlap of two boxes that are one face
_STRIDE = 4
_MULTIPLE = 32

Rgb = NDArray[np.uint8]


class FaceDetector:
    """One session of the network; safe to call from several threads."""

    def __init__(
        self, network: OnnxModel, *, sweep_px: int = SWEEP_SIDE_PX, retry_px: int | None = RETRY_SIDE_PX
    ) -> None:
        self._network, self._sweep_px, self._retry_px = network, sweep_px, retry_px
        (self._input,) = network.inputs

    @classmethod
    def load(cls, models_dir: Path, encoders_dir: Path, *, threads: int = 1, stills: bool = False) -> FaceDetector:
        """Load the pinned network, for films or for `stills`, which are searched once and smaller.

        Raises EncoderMissing or ModelUnavailable, whose detail names the file and `make setup`.
        """
        network = OnnxModel(read_encoders(models_dir)[ENCODER].located(encoders_dir), threads=threads)
        return cls(network, sweep_px=STILL_SWEEP_PX, retry_px=None) if stills else cls(network)

    def detect(self, rgb: Rgb, *, most: int = MOST_FACES) -> tuple[Face, ...]:
        """Return the largest faces of a picture, uint8 (height, width, 3), largest first."""
        found = self._look(rgb, longest=self._sweep_px)
        if not found and self._retry_px is not None:
            found = self._look(rgb, longest=self._retry_px)
        large = [f for f in found if max(f.box.w, f.box.h) >= LEAST_FACE_PX]
        largest = sorted(large, key=lambda f: f.box.w * f.box.h, reverse=True)[:most]
        return _distinct([self.follow(rgb, face) or face for face in largest])

    def follow(self, rgb: Rgb, face: Face) -> Face | None:
        """Return where that face of a moment ago is now, None when it is not there: a fifth of the work of `detect`."""
        side = round(CLOSE_ZOOM * max(face.box.w, face.box.h))
        left = round(face.box.x + face.box.w / 2 - side / 2)
        top = round(face.box.y + face.box.h / 2 - side / 2)
        found = self._look(cut(rgb, left, top, left + side, top + side), longest=CLOSE_SIDE_PX)
        moved = [_moved(f, left, top) for f in found]
        return max(moved, key=lambda f: f.box.overlap(face.box), default=None)

    def _look(self, rgb: Rgb, *, longest: int) -> tuple[Face, ...]:
        height, width = rgb.shape[:2]
        scale = longest / max(height, width)
        small = Image.fromarray(rgb).resize(
            (_sides(width * scale), _sides(height * scale)), Image.Resampling.BILINEAR, reducing_gap=2.0
        )
        tensor = np.ascontiguousarray(np.asarray(small, dtype=np.float32).transpose(2, 0, 1)[None])
        heat, size, offset, landmarks = self._network.run({self._input: tensor}).values()
        zoom = np.array([width / small.width, height / small.height])
        return _distinct(list(_faces(heat[0, 0], size[0], offset[0], landmarks[0], zoom)))


def _faces(heat: Array, size: Array, offset: Array, landmarks: Array, zoom: NDArray[np.float64]) -> Iterator[Face]:
    """Yield every peak as a face, surest first, in pixels of the picture; the network writes y before x."""
    rows, columns = np.nonzero((heat >= LEAST_SCORE) & (heat >= _highest_around(heat)))
    surest = np.argsort(-heat[rows, columns], kind="stable")[:MOST_CANDIDATES]
    for row, column in zip(rows[surest], columns[surest], strict=True):
        extent = np.exp(size[::-1, row, column].astype(np.float64)) * _STRIDE
        centre = (np.array([column, row]) + offset[::-1, row, column] + 0.5) * _STRIDE
        corner = centre - extent / 2
        points = (landmarks[:, row, column].reshape(5, 2)[:, ::-1] * extent + corner) * zoom
        x, y, w, h = (*(corner * zoom), *(extent * zoom))
        yield Face(FaceBox(float(x), float(y), float(w), float(h)), float(heat[row, column]), _points(points))


def _distinct(faces: Sequence[Face]) -> tuple[Face, ...]:
    kept: list[Face] = []
    for face in faces:
        if all(face.box.overlap(other.box) < SAME_FACE for other in kept):
            kept.append(face)
    return tuple(kept)


def _highest_around(heat: Array) -> Array:
    """Return each cell's maximum over itself and its eight neighbours."""
    wide = np.pad(heat, 1)
    rows = np.maximum(np.maximum(wide[:-2], wide[1:-1]), wide[2:])
    highest: Array = np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return highest


def _moved(face: Face, x: int, y: int) -> Face:
    box = FaceBox(face.box.x + x, face.box.y + y, face.box.w, face.box.h)
    return Face(box, face.score, tuple((px + x, py + y) for px, py in face.landmarks))


def _points(points: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in points)


def _sides(length: float) -> int:
    return max(_MULTIPLE, round(length / _MULTIPLE) * _MULTIPLE)
