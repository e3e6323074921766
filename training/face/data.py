"""The faces that were collected: lines, serving crops, and the regions that fakes are made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.image.data import read_csv

Rgb = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class SavedFace:
    """One face: 1 is fake; `clip` is the film or picture it is of, `pair` the frame it shares with its other half.

    `region` is a file below FACE_EXTRA ("" for the test part), `landmarks` ten numbers in its pixels, `eyes_px` the distance of
    the eyes in the original.
    """

    part: str  # train | dev | test
    source: str
    clip: str
    label: int
    kind: str  # real: photo | video; fake: swap | reenactment | synthetic | ...
    pair: str
    region: str
    eyes_px: float
    landmarks: str

    def points(self) -> Points:
        """Return the landmarks (5, 2)."""
        return np.array(self.landmarks.split(), dtype=np.float64).reshape(5, 2)

    def pixels(self) -> Rgb:
        """Return the region, uint8 (side, side, 3)."""
        return np.asarray(Image.open(face_extra() / self.region), dtype=np.uint8)


@dataclass(frozen=True)
class Faces:
    """Lines and serving crops, uint8 (n, 224, 224, 3), in the same order."""

    rows: tuple[SavedFace, ...]
    crops: Rgb


def load_faces(part: str) -> Faces:
    """Read what training.face.collect wrote of a part."""
    rows = [
        SavedFace(**{**row, "label": int(row["label"]), "eyes_px": float(row["eyes_px"])})  # type: ignore[arg-type]
        for row in read_csv(face_extra() / f"faces_{part}.csv")
    ]
    return Faces(tuple(rows), np.load(face_extra() / f"crops_{part}.npy", mmap_mode="r"))


def data_root() -> Path:
    """Return the data folder."""
    return Path(os.environ.get("DATA_ROOT", "../shared/data"))


def face_extra() -> Path:
    """Return the folder of collected faces, FACE_EXTRA."""
    return Path(os.environ["FACE_EXTRA"])
