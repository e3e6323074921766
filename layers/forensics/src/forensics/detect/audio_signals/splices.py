"""Abrupt changes: places where the noise floor on one side, in any band, differs from the other side's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from forensics.detect.audio_signals.evidence import Evidence, Measure, Table
from forensics.media.windows import CHUNK_SECONDS

SIDE_CHUNKS = 96  # 3 s are compared on each side: nearly always long enough to hold a pause
STEP_CHUNKS = 8  # 0.26 s
DEEPEST_DB = 75.0  # below the speech: how quiet a pause is beyond that depends on rounding
QUIET_PERCENTILE = 5
MOST_NAMED = 5
_BLOCK = 512


@dataclass(frozen=True)
class Jump:
    """A place in seconds and how much the two sides differ there, in dB."""

    at_s: float
    height_db: float


def splices(evidence: Evidence) -> Measure | None:
    """Return the largest jump in dB between neighbouring stretches of 3 s; None for recordings below 6 s."""
    found = jumps(evidence)
    if not found:
        return None
    named = sorted(found, key=lambda j: -j.height_db)[:MOST_NAMED]
    places = ", ".join(f"{j.at_s:.1f} s ({j.height_db:.0f} dB)" for j in sorted(named, key=lambda j: j.at_s))
    return Measure(named[0].height_db, f"Largest changes at {places}.")


def jumps(evidence: Evidence) -> list[Jump]:
    """Return the local maxima of the difference: mean over bands of the change in the quiet percentile."""
    chunks = evidence.chunks
    if chunks.level.size < 2 * SIDE_CHUNKS or not chunks.speech.any():
        return []
    profile = _profile(np.maximum(chunks.bands, chunks.speech_level - DEEPEST_DB))
    apart = SIDE_CHUNKS // STEP_CHUNKS
    heights = np.abs(profile[apart:] - profile[:-apart]).mean(axis=1)
    around = sliding_window_view(np.pad(heights, apart // 2, constant_values=-1.0), apart // 2 * 2 + 1).max(axis=1)
    peaks = np.flatnonzero(heights >= around)
    return [Jump((int(p) + apart) * STEP_CHUNKS * CHUNK_SECONDS, float(heights[p])) for p in peaks]


def _profile(bands: Table) -> Table:
    """Return the quiet percentile of each band in the 3 s from every STEP_CHUNKS: (places, bands)."""
    views = sliding_window_view(bands, SIDE_CHUNKS, axis=0)[::STEP_CHUNKS]  # (places, bands, SIDE_CHUNKS)
    rank = round((SIDE_CHUNKS - 1) * QUIET_PERCENTILE / 100)
    starts = range(0, len(views), _BLOCK)  # an hour's windows at once would take 80 MB
    return np.concatenate([np.partition(views[at : at + _BLOCK], rank, axis=2)[:, :, rank].copy() for at in starts])
