"""The face model: aligned crops to calibrated logits of P(forged)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.manifest import StageSpec, read_mode, read_stage
from forensics.detect.onnx import ModelUnavailable, OnnxModel
from forensics.domain.scores import OperatingMode
from forensics.media.face_crop import CROP_SIDE_PX
from forensics.media.tensors import to_tensor

MODEL_DIRECTORY = "face"
LOGIT = "logit"
BATCH = 8  # crops of one run: 5 MB of input


def has_face_model(models_dir: Path) -> bool:
    """Say whether a face model is installed at all; one that is damaged is an error of `FaceForgery.load`."""
    return (models_dir / MODEL_DIRECTORY / "manifest.toml").is_file()


class FaceForgery:
    """One session of the face model; safe to call from several threads.

    `normal` and `strict` are the modes of a still picture; those of a film are the video model's.
    """

    def __init__(
        self,
        network: OnnxModel,
        spec: StageSpec,
        *,
        name: str,
        version: str,
        normal: OperatingMode,
        strict: OperatingMode,
    ) -> None:
        self.name, self.version = name, version
        self.normal, self.strict = normal, strict
        self._network, self._spec = network, spec
        (self._input,) = network.inputs

    @classmethod
    def load(cls, models_dir: Path, *, threads: int = 1) -> FaceForgery:
        """Load models_dir/face; raises ModelUnavailable when its manifest or network is missing or changed."""
        directory = models_dir / MODEL_DIRECTORY
        path = directory / "manifest.toml"
        if not path.is_file():
            raise ModelUnavailable(f"The model manifest {MODEL_DIRECTORY}/manifest.toml is missing; run `make setup`.")
        with path.open("rb") as handle:
            table = tomllib.load(handle)
        spec = read_stage(directory, table["stages"][0])
        modes = {mode: read_mode(table["stills"][mode]) for mode in ("normal", "strict")}
        return cls(OnnxModel(spec.path, threads=threads), spec, name=table["name"], version=table["version"], **modes)

    def score(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the calibrated logits (n,) of aligned crops, uint8 (n, 224, 224, 3); n may be 0."""
        logits = np.concatenate(
            [np.zeros(0), *(self._run(crops[at : at + BATCH]) for at in range(0, len(crops), BATCH))]
        )
        return self._spec.slope * logits + self._spec.intercept

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        if crops.shape[1:] != (CROP_SIDE_PX, CROP_SIDE_PX, 3):
            raise ValueError(f"crops are {crops.shape[1:]}, not {(CROP_SIDE_PX, CROP_SIDE_PX, 3)}")
        answer = self._network.run({self._input: to_tensor(crops, norm=self._spec.norm)})
        return answer[LOGIT].astype(np.float64).reshape(len(crops))
