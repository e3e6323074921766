"""A worker's watch over faces: when it searches and when it follows, who is who, and what the face model is given."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.domain.evidence import Provenance
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.lip_sync import Trace
from forensics.domain.result import completed_document
from forensics.domain.tracks import Face, FaceBox, FacesSeen
from forensics.domain.video import ChunkResult, FrameScore
from forensics.domain.video_verdict import FACES_DECIDE
from forensics.media.face_crop import CANONICAL, CROP_SIDE_PX
from forensics.usecases.analyse_video import plan_video
from forensics.usecases.join_video import join_video
from forensics.usecases.score_chunk import score_chunk
from forensics.usecases.watch_faces import FIND_EVERY_S, MOST_FACES, FaceWatch
from forensics.web.schemas import Result
from tests.support.fakes import START, FakeDetector
from tests.support.films import Film, film, grey_at
from tests.unit.domain.test_tracks import RULE, piece, seen
from tests.unit.domain.test_video import MODEL

RNG = np.random.default_rng(7)
ANN, BOB = (RNG.integers(40, 220, (8, 8, 3)).astype(np.uint8).repeat(28, 0).repeat(28, 1) for _ in range(2))
GREY = np.full((400, 900, 3), 120, np.uint8)


def at(x: float, y: float, scale: float = 0.6) -> Face:
    side = CROP_SIDE_PX * scale
    points = tuple((float(px), float(py)) for px, py in CANONICAL * scale + (x, y))
    return Face(FaceBox(x, y, side, side), 0.9, points)


def scene(*people: tuple[NDArray[np.uint8], float, float]) -> NDArray[np.uint8]:
    rgb = GREY.copy()
    for who, x, y in people:
        rgb[int(y) : int(y) + CROP_SIDE_PX, int(x) : int(x) + CROP_SIDE_PX] = who
    return rgb


@dataclass
class Finder:
    """Sees what it is told to see at each call."""

    faces: Sequence[Face] = ()
    followed: Face | None = None
    searches: int = 0
    follows: int = 0

    def detect(self, rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        self.searches += 1
        return tuple(self.faces)

    def follow(self, rgb: NDArray[np.uint8], face: Face) -> Face | None:
        self.follows += 1
        return self.followed or face


@dataclass
class Scorer:
    name: str = "face"
    version: str = "1"
    given: list[tuple[int, ...]] = field(default_factory=list)

    def score(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.given.append(crops.shape)
        return crops.mean(axis=(1, 2, 3)) / 100


def test_faces_are_searched_now_and_then_and_followed_in_between() -> None:
    finder = Finder([at(100, 50, 1.0)])
    watch, picture = FaceWatch(finder), scene((ANN, 100, 50))
    for n in range(11):
        watch.see(n * 0.1, picture)
    assert (finder.searches, finder.follows) == (2, 9) and watch.searched == 2
    (piece,) = watch.told().pieces
    assert [k.time_s for k in piece.looks] == pytest.approx([0.0, 0.5, 1.0])
    assert piece.measures is not None and piece.measures.seconds == pytest.approx(1.0)
    assert (piece.measures.flicker, piece.measures.landmark_jitter) == (0.0, 0.0)


def test_a_frame_that_stands_for_several_times_is_looked_at_once() -> None:
    finder = Finder([at(100, 50)])
    watch = FaceWatch(finder)
    for _ in range(3):
        watch.see(2.0, GREY)
    assert (finder.searches, finder.follows) == (1, 0)


def test_the_face_model_is_given_each_look_once_and_its_logits_are_kept() -> None:
    scorer = Scorer()
    watch = FaceWatch(Finder([at(100, 50, 1.0)]), scorer)
    for n in range(8):
        watch.see(n * 0.25, scene((ANN, 100, 50)))
    told = watch.told()
    assert scorer.given == [(4, CROP_SIDE_PX, CROP_SIDE_PX, 3)] and told.model == ("face", "1")
    assert [k.logit for k in told.pieces[0].looks] == pytest.approx([float(ANN.mean()) / 100] * 4, abs=0.01)
    assert FacesSeen.from_json(json.loads(json.dumps(told.to_json()))) == told


class Reader:
    """Keeps the mouths that it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[list[float], tuple[int, ...]]] = []

    def lips_trace(self, times_s: NDArray[np.floating], mouths: NDArray[np.floating]) -> Trace | None:
        self.given.append((times_s.tolist(), mouths.shape))
        return Trace.of(float(times_s[0]), [[1.0], [2.0]])


def test_the_mouth_of_every_look_goes_to_the_lip_reader() -> None:
    reader = Reader()
    watch = FaceWatch(Finder([at(100, 50, 1.0)]), reader=reader)
    for n in range(8):
        watch.see(n * 0.1, scene((ANN, 100, 50)))
    told = watch.told()
    assert reader.given == [(pytest.approx([n * 0.1 for n in range(8)]), (8, 384))]
    assert told.pieces[0].lips == Trace.of(0.0, [[1.0], [2.0]])
    assert FacesSeen.from_json(json.loads(json.dumps(told.to_json()))) == told


def test_lips_too_small_to_be_seen_are_not_read() -> None:
    reader = Reader()
    watch = FaceWatch(Finder([at(100, 50, 0.2)]), reader=reader)
    watch.see(0.0, GREY)
    assert reader.given == [] and watch.told().pieces[0].lips is None


def test_small_faces_are_followed_but_not_scored() -> None:
    scorer = Scorer()
    watch = FaceWatch(Finder([at(100, 50, 0.2)]), scorer)
    watch.see(0.0, GREY)
    assert scorer.given == [] and [k.logit for k in watch.told().pieces[0].looks] == [None]


def test_two_people_are_two_and_change_places_with_a_cut() -> None:
    watch = FaceWatch(Finder([at(50, 50, 1.0), at(500, 50, 1.0)]))
    for n in range(3):
        watch.see(n * FIND_EVERY_S, scene((ANN, 50, 50), (BOB, 500, 50)))
    for n in range(3, 6):
        watch.see(n * FIND_EVERY_S, scene((BOB, 50, 50), (ANN, 500, 50)))
    assert [len(p.looks) for p in watch.told().pieces] == [3, 3, 3, 3]


def test_a_face_that_is_lost_for_long_is_a_new_piece() -> None:
    finder = Finder([at(100, 50, 1.0)])
    watch = FaceWatch(finder)
    for time_s in (0.0, 1.0, 9.0):
        watch.see(time_s, scene((ANN, 100, 50)))
    assert [len(p.looks) for p in watch.told().pieces] == [2, 1]


def test_following_that_jumps_away_is_not_believed() -> None:
    finder = Finder([at(100, 50, 1.0)], followed=at(600, 100, 1.0))
    watch = FaceWatch(finder)
    watch.see(0.0, scene((ANN, 100, 50)))
    watch.see(0.1, scene((ANN, 100, 50)))
    (piece,) = watch.told().pieces
    assert finder.follows == 1 and piece.measures is not None and piece.measures.seconds == 0.0


def test_a_crowd_and_broken_landmarks_do_no_harm() -> None:
    broken = Face(FaceBox(10, 10, 50, 50), 0.9, ((20.0, 20.0),) * 5)
    crowd = [at(5.0 * n, 0, 0.02) for n in range(MOST_FACES + 5)]
    watch = FaceWatch(Finder([broken, *crowd]))
    watch.see(0.0, GREY)
    assert len(watch.told().pieces) == MOST_FACES


def chunks_of(data: bytes, finder: Finder, scorer: Scorer | None = None) -> list[ChunkResult]:
    plan = plan_video(io.BytesIO(data))
    return [score_chunk(io.BytesIO(data), c, FakeDetector(), FaceWatch(finder, scorer)) for c in plan.chunks]


def test_a_worker_looks_for_faces_more_often_than_at_whole_frames() -> None:
    data, finder = film(Film(seconds=6)), Finder()
    found = chunks_of(data, finder)
    assert finder.searches == sum(c.faces.searched for c in found if c.faces) > sum(len(c.frames) for c in found)
    assert all(c.latency_ms >= 0 for c in found)
    joined = join_video(plan_video(io.BytesIO(data)), found, None, Provenance(), DetectOptions(), model=MODEL)
    assert [(m.name, m.status) for m in joined.detection.models] == [("video-frames", "ok"), ("face-tracks", "skipped")]


def test_no_face_is_a_reason_of_an_open_verdict_alone() -> None:
    data = film(Film(seconds=4))
    plan, found = plan_video(io.BytesIO(data)), chunks_of(data, Finder())
    said = join_video(plan, found, None, Provenance(), DetectOptions(), model=MODEL).decision
    assert said.verdict != "inconclusive" or said.reasons[0].startswith("no_face")
    doubtful = [ChunkResult.from_json({**c.to_json(), "frames": [{"time_s": 1.0, "score": 0.5}]}) for c in found]
    open_ = join_video(plan, doubtful, None, Provenance(), DetectOptions(), model=MODEL).decision
    assert (open_.verdict, open_.reasons[0].split(":")[0]) == ("inconclusive", "no_face")


def test_a_forged_face_makes_the_video_manipulated() -> None:
    data = film(Film(seconds=4))
    plan = plan_video(io.BytesIO(data))
    told = seen(piece(0.0, 1.0, 2.0, 3.0, logit=4.0))
    calm = [ChunkResult(c.index, (FrameScore(1.0, 0.05),), 4.0, faces=told) for c in plan.chunks]
    analysis = join_video(plan, calm, None, Provenance(), DetectOptions(), model=replace(MODEL, faces=RULE))
    assert analysis.decision.verdict == "manipulated" and analysis.decision.reasons[0] == FACES_DECIDE
    assert [(s.kind, s.track) for s in analysis.segments] == [("face", 1)] and len(analysis.tracks) == 1
    job = Job("t", "job_1", JobStatus.PROCESSING, "video", DetectOptions(), "r", START)
    result = Result.model_validate(completed_document(job, analysis, completed_at=START, deleted_at=START))
    assert result.flagged_segments[0].track == 1


@dataclass
class Entering(Finder):
    """Sees a face from the third second of the film on."""

    def detect(self, rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        return (at(8, 8, 0.2),) if rgb[-8:, -8:].mean() > grey_at(3.0, 6.0) else ()


@pytest.mark.parametrize(("finder", "dense"), [(Entering(), 27), (Finder(), 0), (Finder([at(8, 8, 0.2)]), 54)])
def test_dense_looks_are_where_somebody_is_in_sight(finder: Finder, dense: int) -> None:
    whole = film(Film(seconds=6.0, fps=25))
    (chunk,) = plan_video(io.BytesIO(whole), frames_per_chunk=20).chunks
    found = score_chunk(io.BytesIO(whole), chunk, FakeDetector(), FaceWatch(finder, Scorer()))
    assert found.faces is not None
    assert finder.follows == pytest.approx(dense, abs=4)
    if dense == 27:
        (entered,) = found.faces.pieces
        assert 2.9 <= entered.looks[0].time_s <= 3.6 and entered.looks[-1].time_s >= 5.4
