"""A video's job around its workers: accepted, waited for, joined, failed, and ended exactly once."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import pytest

from forensics.domain.errors import InternalError, MediaCorrupt, MediaTooLong, ServiceUnavailable, from_problem, problem
from forensics.domain.job import DetectOptions, DetectRequest, Job, JobStatus
from forensics.domain.video import FrameSpans, VideoModel
from forensics.usecases.detect_video import DetectVideo
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.finish_video import FailTask, JoinTask, caught, fault
from forensics.usecases.get_job import GetJob
from forensics.usecases.video_tasks import FramesTask, PlanTask, glance
from tests.support.clips import clip
from tests.support.fakes import (
    NORMAL,
    START,
    STRICT,
    FakeClock,
    FakeDetector,
    FakeFetch,
    FakeJobs,
    FakeMedia,
    FakeProvenance,
    FakeQueue,
    detection,
)

MODEL = VideoModel("video", "1", 0.5, 1.0, 0.0, FrameSpans(0.8, 0.6, 2), NORMAL, STRICT)
CLIP = clip(seconds=2, sound=False)


class OpenMedia(FakeMedia):
    def open(self, key: str) -> BinaryIO:
        return io.BytesIO(self.objects[key])


@dataclass
class World:
    """The stores and every use case over them; executions run when `run` is called, or as the caller first waits."""

    jobs: FakeJobs = field(default_factory=FakeJobs)
    media: OpenMedia = field(default_factory=OpenMedia)
    executions: FakeQueue = field(default_factory=FakeQueue)
    purge: FakeQueue = field(default_factory=FakeQueue)
    score: float = 0.95
    run_at_once: bool = True

    def __post_init__(self) -> None:
        clock = FakeClock()
        self.finish = FinishJob(self.jobs, self.media, self.purge, clock)
        self.join = JoinTask(self.jobs, self.media, self.finish, FakeProvenance(), MODEL)
        self.fail = FailTask(self.jobs, self.finish)
        self.seconds = 0.0
        self.detect = DetectVideo(
            medium="video",
            estimate_s=glance(max_seconds=60, max_bytes=1_000_000),
            read=GetJob(self.jobs, self.media, sleep=self._sleep, monotonic=lambda: self.seconds),
            jobs=self.jobs,
            media=self.media,
            queue=self.executions,
            fetch=FakeFetch(),
            clock=clock,
            region="r",
            max_bytes=1_000_000,
            monotonic=lambda: self.seconds,
        )

    def run(self) -> dict[str, str]:
        (message, _) = self.executions.sent[-1]
        plan = PlanTask(self.media, max_seconds=60, max_bytes=1_000_000)(message)
        look = FramesTask(self.media, FakeDetector(detection(self.score)))
        chunks = [look({**message, "chunk": chunk}) for chunk in plan["chunks"]]
        return self.join(json.loads(json.dumps({**message, "plan": plan, "found": {"chunks": chunks, "sound": {}}})))

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.run_at_once and self.seconds == seconds:
            self.run()


def ask(**changes: Any) -> DetectRequest:
    return replace(DetectRequest("acme", "r1", DetectOptions(), media_type="video", data=CLIP), **changes)


def test_the_verdict_comes_back_in_the_same_call() -> None:
    world = World()
    outcome = world.detect(ask())
    assert (outcome.document["status"], outcome.document["verdict"]) == ("completed", "synthetic")
    assert set(outcome.timings_ms) == {"accept", "analyse"}
    assert world.media.objects == {}
    assert [m["purge"] for m, _ in world.purge.sent] == [f"media/acme/{outcome.job.job_id}"]


def test_who_does_not_wait_is_told_where_to_ask() -> None:
    world = World()
    outcome = world.detect(ask(respond_async=True))
    assert (outcome.document["status"], world.seconds) == ("queued", 0)
    assert list(world.media.objects) == [outcome.job.media_key]
    ((message, delay_s),) = world.executions.sent
    assert (message["job_id"], set(message), delay_s) == (outcome.job.job_id, {"tenant", "job_id", "media_key"}, 0)


def test_patience_ends() -> None:
    world = World(run_at_once=False)
    assert world.detect(ask(wait_s=3)).document["status"] == "queued"
    assert 2.5 <= world.seconds <= 3


def test_a_file_that_is_bad_at_a_glance_is_refused_before_it_is_kept() -> None:
    world = World()
    with pytest.raises(MediaTooLong):
        replace(world.detect, estimate_s=glance(max_seconds=0.5, max_bytes=10**6))(ask())
    with pytest.raises(MediaCorrupt):
        world.detect(ask(data=CLIP[:2000]))
    assert (world.jobs.rows, world.media.objects, world.executions.sent) == ({}, {}, [])


def test_a_job_that_fails_while_its_caller_waits_is_the_callers_error() -> None:
    world = World(run_at_once=False)
    queued = world.detect(ask(respond_async=True)).job
    told = {"Error": "MediaFault", "Cause": json.dumps({"errorMessage": fault(MediaCorrupt("Broken at 3 s."))})}
    assert world.fail({"tenant": "acme", "job_id": queued.job_id, "error": told}) == {"status": "failed"}
    document = world.jobs.rows["acme", queued.job_id].document
    assert (document["error"]["code"], document["error"]["detail"]) == ("media-corrupt", "Broken at 3 s.")
    assert world.media.objects == {}
    waiting = World(run_at_once=False)
    waiting.detect = replace(waiting.detect, read=lambda *_, **__: document)  # type: ignore[arg-type]
    with pytest.raises(MediaCorrupt, match=r"Broken at 3 s\."):
        waiting.detect(ask())


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"Error": "States.Timeout", "Cause": "secret"},
        {"Error": "MediaFault", "Cause": "cut sho"},
        {"Error": "MediaFault", "Cause": "[1]"},
        {"Error": "MediaFault"},
    ],
)
def test_other_errors_are_not_told_in_their_words(error: dict[str, str]) -> None:
    found = caught(error)
    assert isinstance(found, InternalError) and "several times" in found.detail


def test_an_error_survives_being_a_problem() -> None:
    error = from_problem(problem(ServiceUnavailable("Later.")))
    assert (type(error), error.detail) == (ServiceUnavailable, "Later.")
    assert type(from_problem({"code": "unheard-of", "detail": "x"})) is InternalError


def test_a_job_ends_once() -> None:
    world = World(run_at_once=False)
    job = world.detect(ask(respond_async=True)).job
    assert world.run() == {"status": "completed"}
    first = world.jobs.rows["acme", job.job_id].document
    assert world.join({"tenant": "acme", "job_id": job.job_id}) == {"status": "completed"}
    assert world.fail({"tenant": "acme", "job_id": job.job_id}) == {"status": "completed"}
    assert world.jobs.rows["acme", job.job_id].document is first
    assert world.fail({"tenant": "acme", "job_id": "job_unknown"}) == {"status": "gone"}


def test_a_lost_chunk_lowers_the_coverage() -> None:
    world = World()
    job = Job("acme", "job_r_1", JobStatus.QUEUED, "video", DetectOptions(), "r1", START, "media/acme/job_r_1")
    world.jobs.create(job)
    world.media.objects["media/acme/job_r_1"] = CLIP
    message = {"tenant": "acme", "job_id": "job_r_1", "media_key": "media/acme/job_r_1"}
    plan = PlanTask(world.media, max_seconds=60, max_bytes=10**6)(message)
    (chunk,) = plan["chunks"]
    half = {**chunk, "end_s": 1.0}, {**chunk, "index": 1, "start_s": 1.0}
    seen = FramesTask(world.media, FakeDetector(detection(0.1)))({**message, "chunk": half[0]})
    lost = {"index": 1, "frames": [], "covered_s": 0, "error": "internal-error"}  # as the state machine writes it
    world.join({**message, "plan": {**plan, "chunks": list(half)}, "found": {"chunks": [seen, lost], "sound": {}}})
    document = world.jobs.rows["acme", "job_r_1"].document
    assert document["media"]["coverage"] == pytest.approx(0.5)
    assert any("1.0-2.0 s" in warning for warning in document["warnings"])
