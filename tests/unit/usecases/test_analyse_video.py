"""The steps of a video one by one, what they make of faults, and all of them together."""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.domain.errors import InternalError, MediaCorrupt, MediaTooLong, MediaTypeMismatch, PayloadTooLarge
from forensics.domain.evidence import Claim, Evidence, Provenance
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.lip_sync import HZ, Trace
from forensics.domain.result import completed_document
from forensics.domain.scores import Detection, Segment
from forensics.domain.video import Chunk, ChunkResult, FrameScore, SoundResult, VideoPlan
from forensics.usecases.analyse_video import (
    AnalyseVideo,
    hear_sound,
    join_video,
    plan_video,
    score_chunk,
)
from forensics.usecases.join_video import SOUND_FAILED
from forensics.usecases.ports import AudioDetector
from forensics.web.schemas import Result
from tests.support.fakes import START, FakeFilmProvenance, detection
from tests.support.films import Film, film, grey_at
from tests.support.hearing import Listener
from tests.support.sounds import wav
from tests.unit.domain.test_video import MODEL, heard

SECONDS = 12.0
SPEC = Film(seconds=SECONDS)
SIGNED = Provenance(evidence=(Evidence("c2pa", Claim.SYNTHETIC, 0.97, "signed by a video service", "some-video"),))


@pytest.fixture(scope="module")
def silent() -> bytes:
    return film(SPEC)


@pytest.fixture(scope="module")
def spoken() -> bytes:
    return film(replace(SPEC, sound=True))


@dataclass
class Looker:
    """Takes bright frames for fakes, from `bright_s` seconds on."""

    bright_s: float = 99.0
    error: Exception | None = None
    seen: list[tuple[int, ...]] = field(default_factory=list)

    def detect(self, rgb: NDArray[np.uint8]) -> Detection:
        self.seen.append(rgb.shape)
        if self.error:
            raise self.error
        return detection(0.95 if rgb[-8:, -8:].mean() > grey_at(self.bright_s, SECONDS) else 0.05)

    def heatmap(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((1, 1), np.float32)


def planned(data: bytes, *, per_chunk: int = 9) -> VideoPlan:
    return plan_video(io.BytesIO(data), frames_per_chunk=per_chunk)


def scored(data: bytes, looker: Looker | None = None) -> list[ChunkResult]:
    return [score_chunk(io.BytesIO(data), chunk, looker or Looker()) for chunk in planned(data).chunks]


def analyser(looker: Looker, listener: AudioDetector | None = None, **changes: object) -> AnalyseVideo:
    made = AnalyseVideo(looker, lambda: listener or Listener(0.1), FakeFilmProvenance(), MODEL)
    return replace(made, **changes)


def test_the_plan_knows_the_bytes_and_survives_json(spoken: bytes) -> None:
    plan = planned(spoken)
    assert (plan.facts.bytes, plan.facts.sha256) == (len(spoken), hashlib.sha256(spoken).hexdigest())
    assert plan.has_audio and [len(c.times) for c in plan.chunks] == [3, 3, 3]
    assert VideoPlan.from_json(plan.to_json()) == plan


def test_what_is_refused_before_anything_is_decoded(silent: bytes) -> None:
    with pytest.raises(PayloadTooLarge):
        plan_video(io.BytesIO(silent), max_bytes=len(silent) - 1)
    with pytest.raises(MediaTooLong):
        plan_video(io.BytesIO(silent), max_seconds=5.0)
    with pytest.raises(MediaTypeMismatch):
        plan_video(io.BytesIO(wav(seconds=1)))
    with pytest.raises(MediaCorrupt):
        plan_video(io.BytesIO(silent[:800]))


def test_a_chunk_is_looked_at_where_the_plan_says(silent: bytes) -> None:
    chunk = planned(silent).chunks[1]
    found = score_chunk(io.BytesIO(silent), chunk, Looker(bright_s=6.0))
    assert [f.time_s for f in found.frames] == pytest.approx(chunk.times, abs=0.15)
    assert {f.score for f in found.frames if f.time_s > 6.2} == {0.95}
    assert (found.error, found.covered_s) == (None, pytest.approx(chunk.end_s - chunk.start_s))


def test_a_chunk_that_is_missing_from_the_file_covers_less(silent: bytes) -> None:
    found = score_chunk(io.BytesIO(silent), Chunk(4, 11.0, 31.0, (11.5, 20.0, 30.0)), Looker())
    assert (len(found.frames), found.error) == (1, "media-corrupt")
    assert found.covered_s == pytest.approx(20 / 3)


def test_a_fault_of_ours_is_raised_so_that_the_worker_is_tried_again(silent: bytes) -> None:
    with pytest.raises(RuntimeError, match="ours"):
        score_chunk(io.BytesIO(silent), planned(silent).chunks[0], Looker(error=RuntimeError("ours")))


def test_sound_is_heard_with_its_spans(spoken: bytes) -> None:
    listener = Listener(0.9, segments=(Segment(1.0, 2.0, 0.9),))
    found = hear_sound(io.BytesIO(spoken), listener)
    assert (found.score, found.segments, found.error) == (0.9, listener.segments, None)
    assert SoundResult.from_json(found.to_json()) == found


class Voices:
    """Takes the numbers of the voice and tells how many there were."""

    def voice_trace(self, features: NDArray[np.floating]) -> Trace | None:
        return Trace.of(0.0, features[:, :2].tolist())


def test_a_voice_is_read_only_where_somebody_speaks(spoken: bytes) -> None:
    talking = Listener(speech=((0.5, 3.0),))
    found = hear_sound(io.BytesIO(spoken), talking, voice_reader=Voices())
    assert found.voice is not None and abs(len(found.voice.rows) / HZ - SECONDS) < 0.2
    assert SoundResult.from_json(found.to_json()) == found
    assert hear_sound(io.BytesIO(spoken), Listener(), voice_reader=Voices()).voice is None
    assert hear_sound(io.BytesIO(spoken), talking).voice is None


def test_a_film_without_sound_is_told_and_not_raised(silent: bytes) -> None:
    assert hear_sound(io.BytesIO(silent), Listener()).error == "media-type-mismatch"


def test_the_join_does_not_depend_on_the_order(silent: bytes) -> None:
    chunks = scored(silent, Looker(bright_s=6.0))
    joined = [
        join_video(planned(silent), order, None, Provenance(), DetectOptions(), model=MODEL)
        for order in itertools.permutations(chunks)
    ]
    assert all(j == joined[0] for j in joined)
    assert joined[0].decision.verdict == "synthetic"
    assert [(s.kind, s.end) for s in joined[0].segments] == [("frame", SECONDS)]


def test_a_failed_chunk_lowers_coverage_and_is_told(silent: bytes) -> None:
    first, _, last = scored(silent)
    plan = planned(silent)
    lost = ChunkResult.failed(1, "internal-error")
    for found in ([first, lost, last], [first, last]):
        joined = join_video(plan, found, None, Provenance(), DetectOptions(), model=MODEL)
        gap = plan.chunks[1]
        assert joined.media.coverage == pytest.approx(1 - (gap.end_s - gap.start_s) / SECONDS, abs=0.002)
        assert joined.warnings == (f"Part of the picture could not be analysed: {gap.start_s:.1f}-{gap.end_s:.1f} s.",)
        assert joined.decision.verdict == "authentic"


def test_a_chunk_that_came_twice_counts_once(silent: bytes) -> None:
    chunks = scored(silent)
    once = join_video(planned(silent), chunks, None, Provenance(), DetectOptions(), model=MODEL)
    again = [ChunkResult.failed(0, "timeout"), *chunks, chunks[0]]
    assert join_video(planned(silent), again, None, Provenance(), DetectOptions(), model=MODEL) == once


def test_lost_sound_is_told_and_the_picture_decides(spoken: bytes) -> None:
    for sound in (None, SoundResult.failed("timeout")):
        joined = join_video(planned(spoken), scored(spoken), sound, Provenance(), DetectOptions(), model=MODEL)
        assert joined.warnings == (SOUND_FAILED,)
        assert joined.decision.reasons[0].startswith("the picture decides")


def test_nothing_scored_is_an_error_by_its_cause(silent: bytes) -> None:
    plan = planned(silent)
    damaged = [ChunkResult.failed(c.index, "media-corrupt") for c in plan.chunks]
    ours = [*damaged[:-1], ChunkResult.failed(plan.chunks[-1].index, "timeout")]
    for found, error in ((damaged, MediaCorrupt), (ours, InternalError), ([], InternalError)):
        with pytest.raises(error):
            join_video(plan, found, None, Provenance(), DetectOptions(), model=MODEL)
    assert join_video(plan, damaged, heard(0.1), Provenance(), DetectOptions(), model=MODEL).media.coverage == 0.0


def test_strict_mode_and_evidence_hold_for_videos_too(silent: bytes) -> None:
    doubtful = [ChunkResult(c.index, (FrameScore(c.start_s, 0.7),), 1.0) for c in planned(silent).chunks]

    def verdict(provenance: Provenance, *, strict: bool) -> tuple[str, str | None]:
        options = DetectOptions(strict_mode=strict)
        said = join_video(planned(silent), doubtful, None, provenance, options, model=MODEL).decision
        return said.verdict.value, said.generator

    assert verdict(Provenance(), strict=False) == ("inconclusive", None)
    assert verdict(Provenance(), strict=True) == ("synthetic", None)
    assert verdict(SIGNED, strict=False) == ("synthetic", "some-video")


def test_the_whole_pipeline_in_one_process(spoken: bytes) -> None:
    told: list[tuple[int, int]] = []
    listener = Listener(0.9, segments=(Segment(1.0, 2.0, 0.9),))
    analyse = analyser(Looker(), listener, progress=lambda done, total: told.append((done, total)))
    analysis = analyse(spoken, DetectOptions())
    assert (analysis.media_type, analysis.decision.verdict, analysis.segments) == (
        "video",
        "manipulated",
        listener.segments,
    )
    assert (analysis.media.format, analysis.media.width, analysis.media.duration_s) == ("mp4", 160, SECONDS)
    assert analysis.media.coverage == 1.0 and analysis.warnings == ()
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert list(analysis.timings_ms) == ["plan", "workers", "provenance"]


def test_the_document_is_the_contract_s(spoken: bytes) -> None:
    analysis = analyser(Looker(bright_s=6.0))(spoken, DetectOptions())
    job = Job("t", "job_1", JobStatus.PROCESSING, "video", DetectOptions(), "r", START)
    result = Result.model_validate(completed_document(job, analysis, completed_at=START, deleted_at=START))
    assert (result.verdict, result.flagged_segments[0].kind) == ("synthetic", "frame")


def test_silent_films_load_no_audio_model(silent: bytes) -> None:
    def refuse() -> AudioDetector:
        raise AssertionError("not needed")

    assert analyser(Looker(), audio=refuse)(silent, DetectOptions()).decision.verdict == "authentic"


def test_the_estimate_grows_with_the_frames(silent: bytes) -> None:
    short = analyser(Looker()).estimate_s(film(Film(seconds=1)))
    assert 0 < short < analyser(Looker()).estimate_s(silent)
