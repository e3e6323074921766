"""Small measurements of one aligned face crop, uint8 (224, 224, 3): what the signals over time are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.media.face_crop import CANONICAL

LIKENESS_SIDE = 8  # cells
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_FACE = (slice(60, 188), slice(64, 160))  # brows to lower lip, cheek to cheek; both sides multiples of 8
_CHEEKS = ((slice(124, 148), slice(66, 90)), (slice(124, 148), slice(134, 158)))
_AROUND = ((slice(0, 24), slice(0, 224)), (slice(24, 140), slice(0, 20)), (slice(24, 140), slice(204, 224)))
_EYE_HALF = (9, 16)  # rows, columns around the middle of an eye
_MOUTH = (slice(146, 196), slice(84, 140))
_LEAST_GRAIN = 0.05  # grey levels: a flat wall behind a face is no measure
_DARK = 0.45  # of the cheeks' luma: the inside of a mouth

Crop = NDArray[np.uint8]
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class FaceMoment:
    """One moment of a face; lumas in grey levels of the crop, shares 0..1.

    `brightness` is the mean luma of the face, `around` that of the crop's upper rim, `grain` the mean absolute Laplacian of the
    cheeks, `eyes` the deviation of the luma around the eyes over the cheeks' luma (lids are flat), `mouth` the dark share of it.
    """

    brightness: float
    around: float
    grain: float
    eyes: float
    mouth: float
    likeness: tuple[int, ...]


def measure_face(crop: Crop) -> FaceMoment:
    """Measure one aligned crop."""
    luma = (crop @ _LUMA).astype(np.float32)
    cheeks = np.concatenate([luma[area].ravel() for area in _CHEEKS])
    level = max(1.0, float(np.median(cheeks)))
    return FaceMoment(
        brightness=float(luma[_FACE].mean()),
        around=float(np.mean([luma[area].mean() for area in _AROUND])),
        grain=float(np.mean([np.abs(_laplacian(luma[area])).mean() for area in _CHEEKS])),
        eyes=float(np.mean([_eye(luma, point).std() for point in CANONICAL[:2]])) / level,
        mouth=float((luma[_MOUTH] < _DARK * level).mean()),
        likeness=_cells(luma[_FACE]),
    )


def likeness_of(crop: Crop) -> tuple[int, ...]:
    """Return the face at 8 x 8 cells, grey levels 0..255, row by row."""
    return _cells((crop[_FACE] @ _LUMA).astype(np.float32))


def skin_texture(crop: Crop) -> float:
    """Return the binary logarithm of the cheeks' fine structure over that of the crop's rim: negative where skin is smoother.

    Fine structure is the mean absolute Laplacian of the luma. Both lie in one picture, so camera, size and codec cancel mostly.
    """
    luma = (crop @ _LUMA).astype(np.float32)
    cheeks, rim = ([luma[area] for area in areas] for areas in (_CHEEKS, _AROUND))
    return _finer(cheeks, rim)


def skin_against_eyes(crop: Crop) -> float:
    """Return the binary logarithm of the cheeks' fine structure over that around the eyes."""
    luma = (crop @ _LUMA).astype(np.float32)
    return _finer([luma[area] for area in _CHEEKS], [_eye(luma, point) for point in CANONICAL[:2]])


def face_shading(crop: Crop) -> float:
    """Return how much more one cheek is lit than the other, against left and right of the face: a natural logarithm, from 0 on."""
    luma = (crop @ _LUMA).astype(np.float32)
    left, right = (float(np.log(luma[area].mean() + 1)) for area in _CHEEKS)
    beside_left, beside_right = (float(np.log(luma[area].mean() + 1)) for area in _AROUND[1:])
    return abs((left - right) - (beside_left - beside_right))


def _finer(planes: Sequence[Plane], others: Sequence[Plane]) -> float:
    one, other = (np.mean([np.abs(_laplacian(plane)).mean() for plane in group]) for group in (planes, others))
    return float(np.log2((one + _LEAST_GRAIN) / (other + _LEAST_GRAIN)))


def _cells(face: Plane) -> tuple[int, ...]:
    rows, columns = face.shape[0] // LIKENESS_SIDE, face.shape[1] // LIKENESS_SIDE
    cells = face.reshape(LIKENESS_SIDE, rows, LIKENESS_SIDE, columns).mean(axis=(1, 3))
    return tuple(int(v) for v in cells.round().ravel())


def _eye(luma: Plane, point: NDArray[np.float64]) -> Plane:
    x, y = round(float(point[0])), round(float(point[1]))
    rows, columns = _EYE_HALF
    return luma[y - rows : y + rows, x - columns : x + columns]


def _laplacian(plane: Plane) -> Plane:
    """Return the four neighbours' mean less the pixel, without the border."""
    around = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
    return (around / np.float32(4) - plane[1:-1, 1:-1]).astype(np.float32)
