"""Group delay: how the treble of voiced speech is spread in time."""

from __future__ import annotations

import numpy as np

from forensics.detect.audio_signals.evidence import Evidence, Measure
from forensics.detect.audio_signals.spectrum import LEAST_CUTOFF_HZ, LEAST_FRAMES, cutoff_hz
from forensics.media.audio import SAMPLE_RATE_HZ


def phase(evidence: Evidence) -> Measure | None:
    """Return the median over voiced frames of the deviation of group delay across the treble's bins, in ms.

    A hiss that fills the treble has delays all over the frame; pulses of the voice align them. None for band-limited sound.
    """
    frames = evidence.frames
    if frames is None or int(frames.voiced.sum()) < LEAST_FRAMES or cutoff_hz(frames) < LEAST_CUTOFF_HZ:
        return None
    spread = frames.delay[frames.voiced].std(axis=1)
    return Measure(float(np.median(spread)) * 1000 / SAMPLE_RATE_HZ)
