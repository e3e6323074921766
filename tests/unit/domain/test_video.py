"""What passes between a video's steps survives JSON; pooling, spans and who decides."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from forensics.domain.evidence import C2paFacts, Claim, Evidence, Provenance
from forensics.domain.plain import from_plain, to_plain
from forensics.domain.scores import Segment, Signal
from forensics.domain.video import ChunkResult, FrameScore, FrameSpans, SoundResult, VideoModel
from forensics.domain.video_verdict import (
    FRAMES_DECIDE,
    SOUND_DECIDES,
    frame_segments,
    frames_detection,
    pooled_logit,
    strongest,
)
from tests.support.fakes import NORMAL, STRICT, detection

MODEL = VideoModel("video", "1", 0.5, 1.0, 0.0, FrameSpans(0.8, 0.6, 2), NORMAL, STRICT)


def frames(*scores: float, step_s: float = 1.0) -> list[FrameScore]:
    return [FrameScore(i * step_s, score) for i, score in enumerate(scores)]


def heard(score: float | None, **changes: object) -> SoundResult:
    found = detection(score, **changes)
    return SoundResult(score, (), found.reasons, 3.0, detection=found)


def test_a_sound_result_survives_json() -> None:
    signal = Signal("pitch", "even", 0.4, "what")
    sound = SoundResult(
        0.4,
        (Segment(0.5, 2.0, 0.9),),
        ("too_short",),
        1.2,
        detection=detection(0.4, signals=(signal,)),
        timings_ms={"vad": 1.5},
    )
    assert SoundResult.from_json(json.loads(json.dumps(sound.to_json()))) == sound


def test_a_failed_chunk_survives_json_and_old_ones_lack_members() -> None:
    failed = ChunkResult.failed(3, "media-corrupt")
    assert ChunkResult.from_json(json.loads(json.dumps(failed.to_json()))) == failed
    assert ChunkResult.from_json({"index": 1, "frames": [], "covered_s": 0}) == ChunkResult(1, (), 0.0)
    assert ChunkResult.from_json({"index": 1, "frames": [], "covered_s": 0, "later": 1}).covered_s == 0.0


def test_a_chunk_without_an_index_is_a_fault() -> None:
    with pytest.raises(TypeError, match="index"):
        ChunkResult.from_json({"frames": [], "covered_s": 0})


def test_provenance_survives_json() -> None:
    evidence = Evidence("c2pa", Claim.SYNTHETIC, 0.97, "signed", "some-video")
    known = Provenance(c2pa=C2paFacts("Valid", validation_codes=("a",)), metadata={"tool": "x"}, evidence=(evidence,))
    assert from_plain(Provenance, json.loads(json.dumps(to_plain(known)))) == known


def test_the_upper_half_is_pooled() -> None:
    assert pooled_logit(frames(0.5, 0.9, 0.1, 0.9), 0.5) == pytest.approx(pooled_logit(frames(0.9), 1.0))
    assert pooled_logit(frames(0.2), 0.5) == pytest.approx(-1.386, abs=0.01)


@pytest.mark.parametrize(("score", "sign"), [(0.0, -1), (1.0, 1)])
def test_a_certain_frame_is_no_infinity(score: float, sign: int) -> None:
    assert 10 < sign * pooled_logit(frames(score), 1.0) < 20


def test_no_frames_have_no_score() -> None:
    found = frames_detection([], MODEL, latency_ms=0)
    assert (found.score, found.models[0].status) == (None, "skipped")


def test_a_guard_holds_when_half_of_the_frames_have_it() -> None:
    small = replace(frames(0.5)[0], reasons=("low_resolution",))
    assert frames_detection([small, *frames(0.5)], MODEL, latency_ms=0).reasons == ("low_resolution",)
    assert frames_detection([small, *frames(0.5, 0.5)], MODEL, latency_ms=0).reasons == ()


def test_spans_of_frames() -> None:
    found = frame_segments(frames(0.1, 0.9, 0.7, 0.1, 0.9, 0.1, 0.65, 0.65), MODEL.spans, duration_s=8.0)
    assert found == (Segment(0.5, 2.5, pytest.approx(0.8), "frame"),)


def test_a_span_lasts_to_the_end_and_a_short_film_may_have_one_frame() -> None:
    assert [(s.start, s.end) for s in frame_segments(frames(0.1, 0.9, 0.9), MODEL.spans, duration_s=3.0)] == [
        (0.5, 3.0)
    ]
    assert [(s.start, s.end) for s in frame_segments(frames(0.9), MODEL.spans, duration_s=0.2)] == [(0.0, 0.2)]
    assert frame_segments([], MODEL.spans, duration_s=1.0) == ()


@pytest.mark.parametrize(
    ("picture", "sound", "said"),
    [
        (0.9, 0.1, FRAMES_DECIDE),
        (0.1, 0.9, SOUND_DECIDES),
        (0.5, 0.6, SOUND_DECIDES),
        (0.5, None, FRAMES_DECIDE),
    ],
)
def test_the_more_suspicious_decides(picture: float, sound: float | None, said: str) -> None:
    seen = frames_detection(frames(picture), MODEL, latency_ms=1)
    found = strongest(seen, None, heard(sound), strict=False)
    assert found.says == said
    assert found.score == pytest.approx(picture if said == FRAMES_DECIDE else sound)
    assert [m.name for m in found.models] == ["video-frames", "fake-model"]


def test_each_is_measured_by_its_own_thresholds() -> None:
    seen = frames_detection(frames(0.55), MODEL, latency_ms=1)
    easy = replace(NORMAL, thresholds=replace(NORMAL.thresholds, synthetic=0.5))
    assert strongest(seen, None, heard(0.51, normal=easy), strict=False).says == SOUND_DECIDES
    assert strongest(seen, None, heard(0.51, normal=easy), strict=True).says == FRAMES_DECIDE


def test_sound_that_cannot_be_judged_does_not_take_part() -> None:
    seen = frames_detection(frames(0.1), MODEL, latency_ms=1)
    assert strongest(seen, None, heard(0.9, reasons=("out_of_distribution",)), strict=False).says == FRAMES_DECIDE
    assert strongest(seen, None, SoundResult.failed("media-corrupt"), strict=False).models == seen.models


def test_fake_sound_under_an_authentic_picture_is_manipulation() -> None:
    real, unsure = (frames_detection(frames(p), MODEL, latency_ms=1) for p in (0.1, 0.5))
    assert strongest(real, None, heard(0.9), strict=False).manipulated
    assert not strongest(unsure, None, heard(0.9), strict=False).manipulated


def test_sound_alone_decides_when_no_frame_was_scored() -> None:
    assert strongest(frames_detection([], MODEL, latency_ms=0), None, heard(0.1), strict=False).says == SOUND_DECIDES
