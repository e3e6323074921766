"""How far up the energy reaches, and how much the treble moves from moment to moment."""

from __future__ import annotations

import numpy as np

from forensics.detect.audio_signals.evidence import BIN_HZ, TREBLE, Evidence, Frames, Grid, Measure
from forensics.media.audio import SAMPLE_RATE_HZ
from forensics.media.windows import Flags

CUTOFF_BELOW_PEAK_DB = 70.0  # above the rounding of 16 bits in speech at its usual level
LEAST_CUTOFF_HZ = 6000.0  # below it the treble holds nothing that could be measured
LEAST_FRAMES = 20
_LOWEST_PEAK_HZ = 60.0
_TINY = 1e-11


def spectrum(evidence: Evidence) -> Measure | None:
    """Return the median change in dB of a treble bin from one voiced frame to the next, 16 ms later."""
    frames = evidence.frames
    if frames is None or int(frames.active.sum()) < LEAST_FRAMES:
        return None
    limit = cutoff_hz(frames)
    note = f"Energy reaches up to {limit / 1000:.1f} kHz{_native(evidence.native_hz)}."
    if limit < LEAST_CUTOFF_HZ:
        return Measure(0.0, note, word="band_limited", word_score=1 - limit / (SAMPLE_RATE_HZ / 2))
    pairs = _pairs(frames)
    if int(pairs.sum()) < LEAST_FRAMES:
        return None
    levels = 10 * np.log10(frames.power[:, TREBLE] + _TINY)
    return Measure(float(np.median(np.abs(np.diff(levels, axis=0))[pairs])), note)


def cutoff_hz(frames: Frames) -> float:
    """Return the highest frequency whose mean power in active frames lies within CUTOFF_BELOW_PEAK_DB of the strongest bin's."""
    mean: Grid = frames.power[frames.active].mean(axis=0)
    peak = float(mean[round(_LOWEST_PEAK_HZ / BIN_HZ) :].max(initial=0.0))
    above = np.flatnonzero(mean > peak * 10 ** (-CUTOFF_BELOW_PEAK_DB / 10))
    return float(above[-1] * BIN_HZ) if above.size else 0.0


def _pairs(frames: Frames) -> Flags:
    """Tell neighbouring voiced frames of one stretch: (frames - 1,)."""
    together = frames.stretch[1:] == frames.stretch[:-1]
    return np.asarray(together & frames.voiced[1:] & frames.voiced[:-1])


def _native(native_hz: int | None) -> str:
    return f", the file's rate allows {native_hz / 2000:.1f} kHz" if native_hz else ""
