"""The audio model's directory: one network from samples to logit, its calibration, thresholds and guards; checksums verified."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from forensics.detect.files import verify_file
from forensics.detect.manifest import Attribution, read_attribution, read_mode
from forensics.detect.onnx import ModelUnavailable
from forensics.domain.scores import OperatingMode

MODEL_DIRECTORY = "audio"


@dataclass(frozen=True)
class SpanRule:
    """P(fake) of a window where a flagged span begins, below which it ends, and of a span that marks a partial fake."""

    enter: float
    leave: float
    partial: float


@dataclass(frozen=True)
class AudioGuards:
    """Least seconds of speech for a verdict, and the largest feature distance that the model was measured on."""

    least_speech_s: float
    largest_distance: float


@dataclass(frozen=True)
class AudioManifest:
    """A verified model; `slope` and `intercept` turn the mean window logit into a calibrated one (Platt)."""

    name: str
    version: str
    licence: str
    network: Path
    slope: float
    intercept: float
    spans: SpanRule
    normal: OperatingMode
    strict: OperatingMode
    guards: AudioGuards
    attribution: Attribution | None = None


def load_audio_manifest(directory: Path) -> AudioManifest:
    """Read `directory`/manifest.toml and verify its network; raises ModelUnavailable."""
    path = directory / "manifest.toml"
    if not path.is_file():
        raise ModelUnavailable(f"The model manifest {directory.name}/manifest.toml is missing; run `make setup`.")
    with path.open("rb") as handle:
        table = tomllib.load(handle)
    return AudioManifest(
        name=table["name"],
        version=table["version"],
        licence=table["licence"],
        network=verify_file(directory / table["network"]["file"], sha256=table["network"]["sha256"]),
        slope=float(table["network"]["slope"]),
        intercept=float(table["network"]["intercept"]),
        spans=SpanRule(**table["spans"]),
        normal=read_mode(table["operating"]["normal"]),
        strict=read_mode(table["operating"]["strict"]),
        guards=AudioGuards(**table["guards"]),
        attribution=read_attribution(table),
    )
