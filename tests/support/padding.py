"""Silence around a recording, digital or of a quiet room, and how far it moves a score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from forensics.detect.audio import AudioDetection
from forensics.media.audio import SAMPLE_RATE_HZ, Samples

LENGTHS_S = (0.5, 3.0, 30.0)
ROOM_BELOW_SPEECH_DB = 50.0


class Detects(Protocol):
    def detect(self, blocks: Iterator[Samples]) -> AudioDetection: ...


def padded(clip: Samples, *, seed: int = 0) -> Iterator[tuple[str, Samples]]:
    """Yield a clip (n,) with silence before it, after it, and on both sides: of every length, digital and of a room."""
    rng = np.random.default_rng(seed)
    level = float(np.sqrt((clip**2).mean())) * 10 ** (-ROOM_BELOW_SPEECH_DB / 20)
    for seconds in LENGTHS_S:
        count = round(seconds * SAMPLE_RATE_HZ)
        for kind, scale in (("digital", 0.0), ("room", level)):
            before, after = (scale * rng.standard_normal((2, count))).astype(np.float32)
            yield f"{seconds} s {kind} before", np.concatenate([before, clip])
            yield f"{seconds} s {kind} after", np.concatenate([clip, after])
            yield f"{seconds} s {kind} around", np.concatenate([before, clip, after])


def score(detector: Detects, samples: Samples) -> float | None:
    """Return P(fake) of mono samples (n,), None without speech."""
    return detector.detect(iter([samples[None]])).detection.score


def drifts(detector: Detects, clip: Samples) -> dict[str, float]:
    """Return how far each padding moves the clip's score."""
    alone = score(detector, clip)
    assert alone is not None, "the clip holds no speech"
    found = {}
    for name, samples in padded(clip):
        moved = score(detector, samples)
        assert moved is not None, name
        found[name] = abs(moved - alone)
    return found
