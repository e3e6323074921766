"""Lips and voice as traces: what belongs together correlates at its own moment and not seconds away."""

from __future__ import annotations

import json
import random

import pytest

from forensics.domain.face_signals import face_signals
from forensics.domain.lip_sync import HZ, LEAST_S, Trace, lip_sync
from forensics.domain.signal_ranges import SignalRange
from forensics.domain.tracks import FaceMeasures, FacePiece, FaceTrack, join_tracks
from tests.unit.domain.test_tracks import piece

RANGE = SignalRange(0.1, 0.6, "apart", "together", "together", "Agreement of lips and voice.")


def babble(seconds: float, *, seed: int) -> list[list[float]]:
    """Two numbers that wander as speech does, a few times a second."""
    rng, rows, state = random.Random(seed), [], [0.0, 0.0]
    for _ in range(round(seconds * HZ)):
        state = [0.6 * v + rng.gauss(0, 0.8) for v in state]
        rows.append(list(state))
    return rows


VOICE = babble(20, seed=1)


def test_a_trace_is_small_json_and_comes_back() -> None:
    trace = Trace.of(1.5, [[0.0, 1.0], [-0.5, 99.0]])
    again = Trace.from_json(json.loads(json.dumps(trace.to_json())))
    assert again == trace and again.rows == [(0, 32), (-16, 127)]
    assert Trace.of(0.0, []).rows == []


def test_lips_of_the_voice_agree_with_it_and_with_no_other() -> None:
    own = lip_sync([Trace.of(4.0, VOICE[100:250])], Trace.of(0.0, VOICE))
    late = lip_sync([Trace.of(4.0, VOICE[104:254])], Trace.of(0.0, VOICE))  # 0.16 s off, as some films are
    shifted = lip_sync([Trace.of(5.0, VOICE[100:250])], Trace.of(0.0, VOICE))
    foreign = lip_sync([Trace.of(4.0, babble(6, seed=2))], Trace.of(0.0, VOICE))
    assert own is not None and late is not None and shifted is not None and foreign is not None
    assert own > 0.5 and late > 0.5 and shifted < 0 and foreign < 0.2


def test_short_stretches_count_together_and_too_little_of_them_says_nothing() -> None:
    voice = Trace.of(0.0, VOICE)
    stretches = [Trace.of(n, VOICE[n * HZ : n * HZ + 30]) for n in (2, 6, 11)]
    together = lip_sync(stretches, voice)
    assert together is not None and together > 0.4
    assert lip_sync(stretches[:2], voice) is None and 2 * 30 < LEAST_S * HZ
    assert lip_sync([Trace.of(30.0, VOICE[:200])], voice) is None  # behind the end of the sound


def test_a_still_mouth_agrees_with_nothing() -> None:
    assert lip_sync([Trace.of(4.0, [[0.0, 0.0]] * 150)], Trace.of(0.0, VOICE)) == pytest.approx(0.0)


def test_the_signal_is_of_the_face_that_speaks() -> None:
    watched = FaceMeasures(6.0, flicker=0.01)
    listener = FaceTrack(1, (), (watched,), lips=(Trace.of(4.0, babble(6, seed=3)),))
    speaker = FaceTrack(2, (), (watched,), lips=(Trace.of(4.0, VOICE[100:250]),))
    (signal,) = face_signals([listener, speaker], {"lip_sync": RANGE}, Trace.of(0.0, VOICE))
    assert (signal.name, signal.value) == ("lip_sync", "together")
    (dubbed,) = face_signals([listener], {"lip_sync": RANGE}, Trace.of(0.0, VOICE))
    assert dubbed.value == "apart" and 0 < dubbed.score <= 1
    assert face_signals([speaker], {"lip_sync": RANGE}, None) == ()
    assert face_signals([FaceTrack(1, (), (watched,))], {"lip_sync": RANGE}, Trace.of(0.0, VOICE)) == ()


def test_a_track_keeps_the_lips_of_all_its_pieces() -> None:
    first, second = piece(0.0, 0.5, 1.0), piece(1.5, 2.0)
    lips = Trace.of(0.0, VOICE[:40])
    (track,) = join_tracks(
        [FacePiece(first.looks, first.likeness, None, lips), FacePiece(second.looks, second.likeness)]
    )
    assert track.lips == (lips,)
