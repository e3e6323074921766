"""The audio model's directory: one network from samples to logit, its calibration, thresholds and guards; checksums verified."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from forensics.detect.audio_segments import SpanRule
from forensics.detect.files import verify_file
from forensics.detect.manifest import Attribution, read_attribution, read_mode
from forensics.detect.onnx import ModelUnavailable
from forensics.domain.scores import OperatingMode

MODEL_DIRECTORY = "audio"


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
        spans=_spans(directory / "spans.toml"),
        normal=read_mode(table["operating"]["normal"]),
        strict=read_mode(table["operating"]["strict"]),
        guards=AudioGuards(**table["guards"]),
        attribution=read_attribution(table),
    )


def _spans(path: Path) -> SpanRule:
    """Read the rule that training/audio/spans.py chose for this network."""
    if not path.is_file():
        raise ModelUnavailable(f"The span rule {path.parent.name}/{path.name} is missing; run `make setup`.")
    with path.open("rb") as handle:
        return SpanRule(**{key: float(value) for key, value in tomllib.load(handle).items()})
