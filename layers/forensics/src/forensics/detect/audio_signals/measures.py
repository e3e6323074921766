"""All measurements by signal name, and their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forensics.detect.audio_signals.evidence import Evidence, Measure
from forensics.detect.audio_signals.pauses import noise_floor, pauses
from forensics.detect.audio_signals.phase import phase
from forensics.detect.audio_signals.pitch import pitch_dynamics
from forensics.detect.audio_signals.spectrum import spectrum
from forensics.detect.audio_signals.splices import splices
from forensics.detect.signals import SignalRanges
from forensics.domain.scores import Signal
from forensics.domain.signal_ranges import worded

MEASURES: Mapping[str, Callable[[Evidence], Measure | None]] = {
    "spectrum": spectrum,
    "phase": phase,
    "pitch_dynamics": pitch_dynamics,
    "noise_floor": noise_floor,
    "pauses": pauses,
    "splices": splices,
}


def measure_audio(evidence: Evidence, ranges: SignalRanges) -> tuple[Signal, ...]:
    """Return the signals that apply and have a range, in the order of the ranges; none without speech."""
    measured = [(name, MEASURES[name](evidence)) for name in ranges.ranges if name in MEASURES]
    return tuple(_signal(name, found, ranges) for name, found in measured if found is not None)


def _signal(name: str, found: Measure, ranges: SignalRanges) -> Signal:
    known = ranges.ranges[name]
    if found.word is not None:
        return Signal(name=name, value=found.word, score=found.word_score, what=f"{known.what} {found.note}")
    plain = worded(name, found.value, known, of="real recordings")
    return Signal(name=name, value=plain.value, score=plain.score, what=f"{plain.what} {found.note}".strip())
