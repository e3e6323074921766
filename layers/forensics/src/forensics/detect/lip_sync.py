"""Mouth and voice brought to the few numbers in which they agree (canonical correlation analysis, Hotelling 1936)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.files import verify_file
from forensics.domain.lip_sync import Trace
from forensics.media.articulation import HZ, with_context
from forensics.media.mouth import mouth_moving

MANIFEST = Path("lips") / "manifest.toml"
LONGEST_GAP_S = 0.35  # between two looks at a mouth that are one trace
LEAST_TRACE_S = 0.8


@dataclass(frozen=True)
class LipSync:
    """Three linear maps: mouth pixels to their main parts, and those and the voice, both with context, to what they share."""

    pixels: NDArray[np.float32]  # (384, parts)
    lips: NDArray[np.float32]  # ((2 CONTEXT + 1) parts, shared)
    voice: NDArray[np.float32]  # ((2 CONTEXT + 1) * 9, shared)

    @classmethod
    def load(cls, models_dir: Path) -> LipSync:
        """Read the maps that models_dir/lips/manifest.toml names; raises ModelUnavailable."""
        path = models_dir / MANIFEST
        with path.open("rb") as handle:
            table = tomllib.load(handle)
        with np.load(verify_file(path.with_name(table["file"]), sha256=table["sha256"])) as maps:
            return cls(maps["pixels"], maps["lips"], maps["voice"])

    def lips_trace(self, times_s: NDArray[np.floating], mouths: NDArray[np.floating]) -> Trace | None:
        """Return what mouths (n, 384), seen at seconds (n,), share with a voice; of the longest stretch without a gap, if any."""
        ends = np.flatnonzero(np.diff(times_s) > LONGEST_GAP_S) + 1
        stretches = zip([0, *ends], [*ends, len(times_s)], strict=True)
        first, last = max(stretches, key=lambda s: times_s[s[1] - 1] - times_s[s[0]] if s[1] > s[0] else -1.0)
        if last - first < 2 or times_s[last - 1] - times_s[first] < LEAST_TRACE_S:
            return None
        parts = mouth_moving(times_s[first:last], mouths[first:last]) @ self.pixels
        return _trace(float(times_s[first]), with_context(parts) @ self.lips)

    def voice_trace(self, features: NDArray[np.floating]) -> Trace | None:
        """Return what the numbers of a `VoiceMeter` (n, 9) share with lips; None for less than LEAST_TRACE_S of sound."""
        if len(features) < LEAST_TRACE_S * HZ:
            return None
        return _trace(0.0, with_context(features) @ self.voice)


def has_lip_model(models_dir: Path) -> bool:
    return (models_dir / MANIFEST).is_file()


def _trace(start_s: float, shared: NDArray[np.floating]) -> Trace:
    scaled = (shared - shared.mean(axis=0)) / (shared.std() + 1e-9)
    return Trace.of(round(start_s, 3), scaled.tolist())
