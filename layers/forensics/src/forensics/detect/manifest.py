"""A model is a manifest: what it reads, how it was calibrated, where it decides; checksums verified at load."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.detect.files import verify_file
from forensics.detect.onnx import ModelUnavailable
from forensics.domain.scores import OperatingMode, OperatingPoint, Thresholds
from forensics.media.tensors import Normalisation

OTHER_FAMILY = "other"  # the label of whatever is none of the named ones


@dataclass(frozen=True)
class StageSpec:
    """One network of a model.

    `view` is "square" (one centre square resized to `side`) or "crops" (up to `most` squares at native resolution);
    `encoder` names the pinned third-party encoder that runs before it, None when the network reads pixels itself.
    `slope` and `intercept` turn its logit into a calibrated one; `weight` is its share in the fused logit.
    """

    name: str
    path: Path
    view: str
    side: int
    most: int
    norm: Normalisation
    encoder: str | None
    slope: float
    intercept: float
    weight: float


@dataclass(frozen=True)
class Guards:
    """When a score is not worth a verdict: shorter side in pixels, feature distance, difference of calibrated scores."""

    smallest_side_px: int
    largest_distance: float
    flattest_std: float
    largest_disagreement: float


@dataclass(frozen=True)
class Attribution:
    """Generator families by index of the attribution output; named from `threshold` probability on."""

    labels: tuple[str, ...]
    threshold: float

    def name(self, votes: NDArray[np.floating]) -> str | None:
        """Return the family that mean probabilities (labels,) speak for, None when it is unsure or none of these."""
        best = int(np.argmax(votes))
        named = votes[best] >= self.threshold and self.labels[best] != OTHER_FAMILY
        return self.labels[best] if named else None


@dataclass(frozen=True)
class ModelManifest:
    """A whole model directory, verified. `bias` completes the fused logit."""

    name: str
    version: str
    licence: str
    stages: tuple[StageSpec, ...]
    bias: float
    normal: OperatingMode
    strict: OperatingMode
    guards: Guards
    attribution: Attribution | None


def load_manifest(directory: Path) -> ModelManifest:
    """Read `directory`/manifest.toml and verify every file it names; raises ModelUnavailable."""
    path = directory / "manifest.toml"
    if not path.is_file():
        raise ModelUnavailable(f"The model manifest {directory.name}/manifest.toml is missing; run `make setup`.")
    with path.open("rb") as handle:
        table = tomllib.load(handle)
    return ModelManifest(
        name=table["name"],
        version=table["version"],
        licence=table["licence"],
        stages=tuple(read_stage(directory, row) for row in table["stages"]),
        bias=float(table["fusion"]["bias"]),
        normal=read_mode(table["operating"]["normal"]),
        strict=read_mode(table["operating"]["strict"]),
        guards=Guards(**table["guards"]),
        attribution=read_attribution(table),
    )


def read_attribution(table: Mapping[str, Any]) -> Attribution | None:
    """Return a manifest's attribution section, None when it has none."""
    section = table.get("attribution")
    return Attribution(tuple(section["labels"]), float(section["threshold"])) if section else None


def read_stage(directory: Path, row: Mapping[str, Any]) -> StageSpec:
    """Return one network's row with its file verified; raises ModelUnavailable."""
    return StageSpec(
        name=row["name"],
        path=verify_file(directory / row["file"], sha256=row["sha256"]),
        view=row["view"],
        side=int(row["side"]),
        most=int(row.get("most", 1)),
        norm=Normalisation(mean=tuple(row["mean"]), std=tuple(row["std"])),
        encoder=row.get("encoder"),
        slope=float(row["slope"]),
        intercept=float(row["intercept"]),
        weight=float(row["weight"]),
    )


def read_mode(row: Mapping[str, Any]) -> OperatingMode:
    """Return a threshold pair with the operating point that was measured for it."""
    return OperatingMode(
        thresholds=Thresholds(synthetic=float(row["synthetic"]), authentic=float(row["authentic"])),
        operating_point=OperatingPoint(
            fpr=float(row["fpr"]), recall=float(row["recall"]), measured_on=row["measured_on"]
        ),
    )
