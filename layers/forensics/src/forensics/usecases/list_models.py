"""What the deployed models are and where they decide, read from their manifests alone."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CARDS = "https://deepfakedetector.ai/docs/models/"


@dataclass(frozen=True)
class ListModels:
    """Reads `<name>/manifest.toml` below a directory, in the order of the names."""

    models_dir: Path

    def __call__(self) -> list[dict[str, Any]]:
        return [
            _model(tomllib.loads(path.read_text("utf-8"))) for path in sorted(self.models_dir.glob("*/manifest.toml"))
        ]


def _model(manifest: Mapping[str, Any]) -> dict[str, Any]:
    modes = manifest.get("operating", {})
    return {
        "name": manifest["name"],
        "version": manifest["version"],
        "licence": manifest["licence"],
        "operating_points": {name: _mode(modes[name]) for name in ("normal", "strict") if name in modes},
        "guards": dict(manifest.get("guards", {})),
        "generators": [label for label in manifest.get("attribution", {}).get("labels", []) if label != "other"],
        "card": CARDS + manifest["name"],
    }


def _mode(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "thresholds": {"synthetic": row["synthetic"], "authentic": row["authentic"]},
        "operating_point": {"fpr": row["fpr"], "recall": row["recall"], "measured_on": row["measured_on"]},
    }
