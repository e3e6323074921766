"""A measured number turned into a word: by the range that real media were measured to have."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.domain.scores import Signal


@dataclass(frozen=True)
class SignalRange:
    """The central 90 % of a measurement on real media, the words below, inside and above it, and its sentence."""

    low: float
    high: float
    below: str
    inside: str
    above: str
    what: str


def worded(name: str, value: float, known: SignalRange, *, of: str) -> Signal:
    """Return a value as a signal: its word, its score, and a sentence that says of what the range was measured."""
    word = known.below if value < known.low else known.above if value > known.high else known.inside
    outside = max(known.low - value, value - known.high, 0.0)
    score = min(1.0, outside / max(known.high - known.low, 1e-9))
    sentence = f"{known.what} Measured {value:.3g}; 90 % of {of} lie in {known.low:.3g} to {known.high:.3g}."
    return Signal(name=name, value=word, score=score, what=sentence)
