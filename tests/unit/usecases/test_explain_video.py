"""What explains a video: the frames of the sheet, the scores over time, and what is missing said to be so."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from forensics.domain.evidence import Provenance
from forensics.domain.job import DetectOptions
from forensics.domain.scores import ModelScore, Region, ScoredWindow
from forensics.domain.video import ChunkResult, FaceRule, FrameScore, SoundResult, VideoPlan
from forensics.domain.video_timeline import MarkedFace
from forensics.media.plot import CALM
from forensics.usecases.analyse_video import join_video, plan_video, score_chunk
from forensics.usecases.explain_video import chosen, video_artifacts, video_timeline
from forensics.web.schemas import VideoTimeline
from tests.support.fakes import FakeDetector
from tests.support.films import Film, film
from tests.unit.domain.test_video import MODEL, heard

SECONDS = 8.0
WINDOWS = (ScoredWindow(0.0, 4.0, 3.5, 0.9), ScoredWindow(2.0, 6.0, 3.0, 0.2))


@pytest.fixture(scope="module")
def data() -> bytes:
    return film(Film(seconds=SECONDS))


@pytest.fixture(scope="module")
def plan(data: bytes) -> VideoPlan:
    return plan_video(io.BytesIO(data), frames_per_chunk=4)


@pytest.fixture(scope="module")
def chunks(data: bytes, plan: VideoPlan) -> list[ChunkResult]:
    return [score_chunk(io.BytesIO(data), chunk, FakeDetector()) for chunk in plan.chunks]


def explained(
    data: bytes, plan: VideoPlan, chunks: list[ChunkResult], sound: SoundResult | None = None, *, strict: bool = False
) -> dict[str, bytes]:
    options = DetectOptions(strict_mode=strict)
    analysis = join_video(plan, chunks, sound, Provenance(), options, model=MODEL)
    found = video_artifacts(io.BytesIO(data), plan, chunks, sound, analysis, model=MODEL)
    return {artifact.file_name: artifact.data for artifact in found}


def test_the_timeline_is_the_documented_object(data: bytes, plan: VideoPlan, chunks: list[ChunkResult]) -> None:
    sound = replace(heard(0.9), windows=WINDOWS)
    found = VideoTimeline.model_validate_json(explained(data, plan, chunks, sound)["timeline.json"])
    assert [s.start for s in found.frames.scores] == [0.0, *(s.end for s in found.frames.scores[:-1])]
    assert (found.frames.threshold, found.frames.scores[-1].end) == (MODEL.spans.enter, SECONDS)
    assert found.sound is not None
    assert [(w.start, w.end, w.score) for w in found.sound.scores] == [(0.0, 4.0, 0.9), (2.0, 6.0, 0.2)]
    assert (found.uncovered, found.faces) == ([], [])


def test_what_the_workers_say_survives_json(chunks: list[ChunkResult]) -> None:
    sound = replace(heard(0.9), windows=WINDOWS)
    assert SoundResult.from_json(json.loads(json.dumps(sound.to_json()))) == sound
    assert [ChunkResult.from_json(json.loads(json.dumps(c.to_json()))) for c in chunks] == chunks
    assert all(len(c.looks) == len(c.frames) for c in chunks)


def test_a_lost_chunk_is_uncovered_and_off_the_sheet(data: bytes, plan: VideoPlan, chunks: list[ChunkResult]) -> None:
    whole = explained(data, plan, chunks)
    lost = explained(data, plan, [chunks[0], ChunkResult.failed(1, "timeout"), *chunks[2:]])
    found = VideoTimeline.model_validate_json(lost["timeline.json"])
    assert [(s.start, s.end) for s in found.uncovered] == [(plan.chunks[1].start_s, plan.chunks[1].end_s)]
    calm = [
        (np.asarray(Image.open(io.BytesIO(f["contact_sheet.png"])).convert("RGB")) == CALM).all(axis=-1).sum()
        for f in (whole, lost)
    ]
    assert calm[1] < 0.9 * calm[0]


def test_a_file_that_went_bad_since_has_an_empty_sheet(data: bytes, plan: VideoPlan, chunks: list[ChunkResult]) -> None:
    assert set(explained(data[:600], plan, chunks)) == {"contact_sheet.png", "timeline_chart.png", "timeline.json"}


def test_two_scenes_are_cut_where_the_second_begins() -> None:
    # dark grey below 64, then bright: the levels of colours_of change within a film that grows brighter
    data = film(Film(seconds=4, fps=10, keyframe_every=7))
    plan = plan_video(io.BytesIO(data))
    chunks = [score_chunk(io.BytesIO(data), chunk, FakeDetector()) for chunk in plan.chunks]
    analysis = join_video(plan, chunks, None, Provenance(), DetectOptions(), model=MODEL)
    found = video_timeline(plan, chunks, None, analysis, model=MODEL).cuts
    assert found and all(any(c == pytest.approx(0.7 * k, abs=0.01) for k in range(1, 6)) for c in found)


def test_faces_come_with_the_timeline(data: bytes, plan: VideoPlan, chunks: list[ChunkResult]) -> None:
    analysis = join_video(plan, chunks, None, Provenance(), DetectOptions(), model=MODEL)
    face = MarkedFace(chunks[0].frames[0].time_s, Region(10, 10, 60, 60, 0.97), track=3)
    bare, marked = (
        {a.name: a.data for a in video_artifacts(io.BytesIO(data), plan, chunks, None, analysis, model=MODEL, faces=f)}
        for f in ((), (face,))
    )
    assert VideoTimeline.model_validate_json(marked["timeline"]).faces[0].track == 3
    assert bare["contact_sheet"] != marked["contact_sheet"]


def test_faces_have_a_lane_of_the_most_suspicious_one(plan: VideoPlan, chunks: list[ChunkResult]) -> None:
    rule = FaceRule(0.5, 1, MODEL.spans, MODEL.normal, MODEL.strict)
    analysis = join_video(plan, chunks, None, Provenance(), DetectOptions(), model=MODEL)
    models = (*analysis.detection.models, ModelScore("face-tracks", "1", 0.9, "ok", 1))
    analysis = replace(analysis, detection=replace(analysis.detection, models=models))
    faces = [MarkedFace(t, Region(0, 0, 9, 9, s), k) for t, s, k in ((1.0, 0.2, 1), (1.0, 0.7, 2), (1.2, 0.4, 1))]
    model = replace(MODEL, faces=rule)
    lane = video_timeline(plan, chunks, None, analysis, model=model, faces=faces).face_scores
    assert lane is not None and lane.model == "face-tracks 1"
    assert [(s.start, round(s.end, 3), s.score) for s in lane.spans] == [(1.0, 1.2, 0.7), (1.2, 1.7, 0.4)]
    assert video_timeline(plan, chunks, None, analysis, model=model).face_scores is None


def test_the_most_suspicious_frame_of_each_stretch_is_chosen() -> None:
    frames = [FrameScore(float(i), (i % 5) / 10) for i in range(48)]
    picked = chosen(frames, most=10)
    assert len(picked) == 10 and picked == sorted(picked, key=lambda f: f.time_s)
    assert sum(f.score for f in picked) / 10 > 0.3
    assert chosen(frames[:3]) == frames[:3] and chosen([]) == []
