"""Signals of a face over time: pooled over stretches, of the face that was watched longest."""

from __future__ import annotations

import pytest

from forensics.domain.face_signals import LEAST_WATCHED_S, MEASURES, face_signals
from forensics.domain.signal_ranges import SignalRange
from forensics.domain.tracks import FaceMeasures, FaceTrack

RANGE = SignalRange(0.1, 0.2, "low", "natural", "high", "What it is.")
RANGES = dict.fromkeys(MEASURES, RANGE)


def track(*measures: FaceMeasures, number: int = 1) -> FaceTrack:
    return FaceTrack(number, (), measures)


def test_stretches_count_by_their_seconds() -> None:
    long, short = FaceMeasures(3.0, flicker=0.1, blinks=3), FaceMeasures(1.0, flicker=0.5, blinks=1)
    assert MEASURES["flicker"]((long, short)) == pytest.approx(0.2)
    assert MEASURES["blink_rate"]((long, short)) == pytest.approx(60.0)
    assert MEASURES["landmark_jitter"]((long, short)) is None and MEASURES["blink_rate"](()) is None


def test_the_longest_watched_face_is_told_in_words() -> None:
    calm = track(FaceMeasures(5.0, flicker=0.15, identity_drift=0.05))
    other = track(FaceMeasures(2.5, flicker=0.9), number=2)
    told = {s.name: (s.value, s.score) for s in face_signals((other, calm), RANGES)}
    assert told == {"flicker": ("natural", 0.0), "identity_drift": ("low", pytest.approx(0.5))}


def test_a_glimpse_and_no_ranges_tell_nothing() -> None:
    glimpse = track(FaceMeasures(LEAST_WATCHED_S - 0.1, flicker=0.9))
    assert face_signals((glimpse,), RANGES) == face_signals((), RANGES) == ()
    assert face_signals((track(FaceMeasures(9.0, flicker=0.9)),), {}) == ()
