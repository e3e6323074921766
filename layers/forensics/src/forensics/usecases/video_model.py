"""The video model's directory: numbers alone, so that the join step loads no network."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics.domain.errors import ServiceUnavailable
from forensics.domain.scores import OperatingMode, OperatingPoint, Thresholds
from forensics.domain.signal_ranges import SignalRange
from forensics.domain.video import FaceRule, FrameSpans, VideoModel

MODEL_DIRECTORY = "video"


def read_video_model(models_dir: Path) -> VideoModel:
    """Read models_dir/video/manifest.toml; raises ServiceUnavailable when it is missing."""
    path = models_dir / MODEL_DIRECTORY / "manifest.toml"
    if not path.is_file():
        raise ServiceUnavailable(f"The model manifest {MODEL_DIRECTORY}/manifest.toml is missing; run `make setup`.")
    with path.open("rb") as handle:
        table = tomllib.load(handle)
    return VideoModel(
        name=table["name"],
        version=table["version"],
        upper_share=float(table["pooling"]["upper_share"]),
        slope=float(table["pooling"]["slope"]),
        intercept=float(table["pooling"]["intercept"]),
        spans=FrameSpans(**table["spans"]),
        normal=_mode(table["operating"]["normal"]),
        strict=_mode(table["operating"]["strict"]),
        faces=_face_rule(table["faces"]) if "faces" in table else None,
        signals=_signal_ranges(path.with_name("signals.toml")) | _signal_ranges(path.with_name("lips.toml")),
    )


def _signal_ranges(path: Path) -> dict[str, SignalRange]:
    if not path.is_file():
        return {}
    with path.open("rb") as handle:
        return {name: SignalRange(**row) for name, row in tomllib.load(handle).items()}


def _face_rule(table: Mapping[str, Any]) -> FaceRule:
    return FaceRule(
        upper_share=float(table["upper_share"]),
        least_looks=int(table["least_looks"]),
        spans=FrameSpans(**table["spans"]),
        normal=_mode(table["normal"]),
        strict=_mode(table["strict"]),
    )


def _mode(row: Mapping[str, Any]) -> OperatingMode:
    point = OperatingPoint(fpr=float(row["fpr"]), recall=float(row["recall"]), measured_on=row["measured_on"])
    return OperatingMode(Thresholds(synthetic=float(row["synthetic"]), authentic=float(row["authentic"])), point)
