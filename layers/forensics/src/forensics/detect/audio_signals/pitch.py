"""How the pitch moves: range, jitter, and shimmer from frame to frame."""

from __future__ import annotations

import numpy as np

from forensics.detect.audio_signals.evidence import Evidence, Measure

LEAST_VOICED_FRAMES = 30  # half a second
LARGEST_STEP_SEMITONES = 3.0  # from frame to frame; more is an octave error or another voice
_LOW, _HIGH = 10, 90


def pitch_dynamics(evidence: Evidence) -> Measure | None:
    """Return the distance in semitones between the 10th and 90th percentile of pitch in voiced frames."""
    frames = evidence.frames
    if frames is None or int(frames.voiced.sum()) < LEAST_VOICED_FRAMES:
        return None
    semitones = 12 * np.log2(frames.pitch_hz)
    low, high = np.percentile(semitones[frames.voiced], (_LOW, _HIGH))
    steps = np.abs(np.diff(semitones))
    together = (frames.stretch[1:] == frames.stretch[:-1]) & frames.voiced[1:] & frames.voiced[:-1]
    together &= steps < LARGEST_STEP_SEMITONES
    if not together.any():
        return None
    jitter = 100 * (2 ** (float(np.median(steps[together])) / 12) - 1)
    shimmer = float(np.median(np.abs(np.diff(frames.level))[together]))
    middle = float(np.median(frames.pitch_hz[frames.voiced]))
    note = f"Median pitch {middle:.0f} Hz; from frame to frame it moves by {jitter:.1f} % and its level by {shimmer:.1f} dB."
    return Measure(float(high - low), note)
