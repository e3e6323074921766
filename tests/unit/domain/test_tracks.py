"""Faces joined over time, and what they say together."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from forensics.domain.face_verdict import face_segments, faces_detection, marked_faces, tracks_of
from forensics.domain.scores import Segment
from forensics.domain.tracks import (
    MOMENT_S,
    FaceBox,
    FaceLook,
    FaceMeasures,
    FacePiece,
    FacesSeen,
    join_tracks,
    kinship,
    likeness,
    pooled_faces,
)
from forensics.domain.video import FaceRule, FrameSpans
from forensics.domain.video_verdict import FACES_DECIDE, FRAMES_DECIDE, SOUND_DECIDES, frames_detection, strongest
from forensics.media.look_times import look_times
from forensics.media.video_plan import plan_chunks
from tests.support.fakes import NORMAL, STRICT
from tests.unit.domain.test_video import MODEL, frames, heard

ANN, BOB = (0, 10, 20, 30), (30, 0, 10, 5)
RULE = FaceRule(0.5, 2, FrameSpans(0.8, 0.6, 2), NORMAL, STRICT)
POINTS = ((30.0, 40.0), (70.0, 40.0), (50.0, 60.0), (35.0, 80.0), (65.0, 80.0))


def look(time_s: float, logit: float | None = None, *, x: float = 0.0) -> FaceLook:
    return FaceLook(time_s, FaceBox(x, 0.0, 100.0, 120.0), POINTS, logit)


def piece(*times: float, face: tuple[int, ...] = ANN, x: float = 0.0, logit: float | None = None) -> FacePiece:
    return FacePiece(tuple(look(t, logit, x=x) for t in times), face)


def seen(*pieces: FacePiece, model: tuple[str, str] | None = ("face", "1")) -> FacesSeen:
    return FacesSeen(4, pieces, model, 7)


def test_what_a_worker_tells_survives_json() -> None:
    told = seen(replace(piece(1.0, 2.0, logit=-0.5), measures=FaceMeasures(2.0, flicker=0.1, blinks=3)))
    assert FacesSeen.from_json(json.loads(json.dumps(told.to_json()))) == told


def test_likeness_is_a_correlation() -> None:
    assert likeness(ANN, [2 * v + 5 for v in ANN]) == pytest.approx(1.0)
    assert likeness(ANN, [30 - v for v in ANN]) == pytest.approx(-1.0)
    assert likeness(ANN, (7,) * 4) == likeness(ANN, ()) == likeness((), ()) == 0.0


def test_a_face_goes_on_in_the_next_chunk_in_any_order() -> None:
    pieces = [piece(0, 1), piece(2, 3), piece(4, 5), piece(2, 3, face=BOB, x=300)]
    for order in itertools.permutations(pieces):
        tracks = join_tracks(order)
        assert [[k.time_s for k in t.looks] for t in tracks] == [[0, 1, 2, 3, 4, 5], [2, 3]]
        assert [t.number for t in tracks] == [1, 2]


def test_a_face_that_comes_back_elsewhere_is_known_by_its_likeness() -> None:
    assert len(join_tracks([piece(0, 1), piece(20, x=500)])) == 1
    assert len(join_tracks([piece(0, 1), piece(20, x=500, face=BOB)])) == 2


def test_two_faces_in_one_place_are_two_when_they_are_unlike() -> None:
    assert kinship(piece(0), piece(1, face=BOB)) == 0.0
    assert kinship(piece(0), piece(1)) > kinship(piece(0), piece(MOMENT_S + 0.1)) > 0.0


def test_faces_seen_at_once_are_two_however_alike() -> None:
    assert len(join_tracks([piece(0, 2), piece(1, 3)])) == 2


def test_the_upper_share_is_pooled_and_at_least_one() -> None:
    assert pooled_faces([1.0, -1.0, 3.0, 0.0], 0.5) == pytest.approx(2.0)
    assert pooled_faces([1.0, -1.0], 0.1) == 1.0


def track_scores(*pieces: FacePiece) -> list[float | None]:
    return [t.score for t in tracks_of([seen(*pieces)], RULE)]


def test_a_track_is_scored_when_it_was_looked_at_often_enough() -> None:
    assert track_scores(piece(0, 1, logit=0.0)) == [0.5]
    assert track_scores(piece(0, logit=0.0), piece(0, 1, face=BOB, x=300)) == [None, None]
    assert [t.score for t in tracks_of([seen(piece(0, 1, logit=0.0))], None)] == [None]


def test_the_most_suspicious_face_speaks() -> None:
    told = [seen(piece(0, 1, logit=-2.0), piece(0, 1, face=BOB, x=300, logit=2.0))]
    found = faces_detection(tracks_of(told, RULE), told, RULE)
    assert found is not None and found.score == pytest.approx(0.8808, abs=1e-3)
    assert [(m.name, m.version, m.status, m.latency_ms) for m in found.models] == [("face-tracks", "1", "ok", 7)]


@pytest.mark.parametrize(("model", "rule"), [(None, RULE), (("face", "1"), None)])
def test_without_a_face_model_there_is_no_answer(model: tuple[str, str] | None, rule: FaceRule | None) -> None:
    assert faces_detection((), [seen(model=model)], rule) is None


def test_no_face_is_an_answer_without_a_score() -> None:
    found = faces_detection((), [seen()], RULE)
    assert found is not None and (found.score, found.models[0].status) == (None, "skipped")


def spans(logits: Sequence[float], *, start: float = 10.0, duration_s: float = 60.0) -> tuple[Segment, ...]:
    looks = tuple(look(start + n, logit) for n, logit in enumerate(logits))
    return face_segments(tracks_of([seen(FacePiece(looks, ANN))], RULE), RULE, duration_s=duration_s)


def test_a_forged_stretch_is_a_span_with_its_track() -> None:
    found = spans([-4.0] * 5 + [4.0] * 5 + [-4.0] * 5)
    (span,) = found
    assert (span.kind, span.track) == ("face", 1)
    assert (span.start, span.end) == (pytest.approx(14.5, abs=1), pytest.approx(19.5, abs=1))


def test_a_face_is_not_flagged_where_it_is_not() -> None:
    (span,) = spans([4.0, 4.0, 4.0])
    assert (span.start, span.end) == (9.0, 13.0)
    assert spans([-4.0] * 6) == ()


def test_one_odd_look_is_no_span() -> None:
    assert spans([-4.0, -4.0, 4.0, -4.0, -4.0]) == ()


def test_every_scored_look_is_marked_by_time() -> None:
    told = seen(piece(1, 3, logit=0.0), piece(2, face=BOB, x=300.4, logit=9.0), piece(4, x=900, face=(1, 1, 1, 2)))
    marked = marked_faces(tracks_of([told], RULE))
    assert [(m.time_s, m.track, m.box.x) for m in marked] == [(1, 1, 0), (2, 2, 300), (3, 1, 0)]
    assert [round(m.box.score, 2) for m in marked] == [0.5, 1.0, 0.5]


@pytest.mark.parametrize(
    ("picture", "face", "sound", "said", "manipulated"),
    [
        (0.1, 2.5, None, FACES_DECIDE, True),
        (0.95, 5.0, None, FACES_DECIDE, False),
        (0.5, -3.0, None, FRAMES_DECIDE, False),
        (0.1, 0.0, 0.95, SOUND_DECIDES, False),
        (0.1, -5.0, 0.95, SOUND_DECIDES, True),
    ],
)
def test_the_strongest_of_three_decides(
    picture: float, face: float, sound: float | None, said: str, *, manipulated: bool
) -> None:
    told = [seen(piece(0, 1, logit=face))]
    faces = faces_detection(tracks_of(told, RULE), told, RULE)
    whole = frames_detection(frames(picture), MODEL, latency_ms=1)
    found = strongest(whole, faces, heard(sound) if sound else None, strict=False)
    assert (found.says, found.manipulated) == (said, manipulated)
    assert [m.name for m in found.models][:2] == ["video-frames", "face-tracks"]


def test_faces_that_could_not_be_scored_leave_the_word_to_others() -> None:
    unscored = faces_detection((), [seen()], RULE)
    whole = frames_detection(frames(0.1), MODEL, latency_ms=1)
    found = strongest(whole, unscored, None, strict=False)
    assert (found.says, found.score) == (FRAMES_DECIDE, whole.score)


def test_half_an_hour_with_three_faces_stays_small() -> None:
    chunks = plan_chunks(1800.0, keyframes=())
    measures = FaceMeasures(1.5, 0.01234, 0.01234, 2, 0.01234)
    likely = tuple(range(100, 164))
    told = [
        seen(
            *(
                FacePiece(tuple(look(t, -1.234, x=1234.5) for t in looks), likely, measures)
                for looks in [[t for t in look_times(c, lambda _: True) if t * 2 % 1 < 0.3]] * 3
            )
        )
        for c in chunks
    ]
    assert sum(len(p.looks) for t in told for p in t.pieces) >= 3 * 100
    assert sum(len(json.dumps(t.to_json())) for t in told) < 256 * 1024
