"""A video's job around its workers: accepted, waited for, joined, failed, and ended exactly once."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import pytest

from forensics.domain.errors import InternalError, MediaCorrupt, MediaTooLong, ServiceUnavailable, from_problem, problem
from forensics.domain.job import DetectOptions, DetectRequest, Job, JobStatus
from forensics.domain.video import FrameSpans, VideoModel
from forensics.usecases.abandon_job import AbandonJob
from forensics.usecases.detect_video import LONGEST_S, DetectVideo
from forensics.usecases.erase_files import EraseFiles
from forensics.usecases.explain_video import video_artifacts
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.finish_video import FailTask, JoinTask, caught, fault
from forensics.usecases.get_job import GetJob
from forensics.usecases.video_tasks import INLINE_CHUNKS, FramesTask, JobEnded, PlanTask, glance
from forensics.usecases.work_files import WorkFiles
from tests.support.clips import clip
from tests.support.fakes import (
    NORMAL,
    START,
    STRICT,
    FakeClock,
    FakeDetector,
    FakeFetch,
    FakeFilmProvenance,
    FakeJobs,
    FakeMedia,
    FakeQueue,
    detection,
)
from tests.support.uploads import no_uploads

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
        self.work = WorkFiles(self.media)
        self.join = JoinTask(
            self.jobs, self.media, self.work, self.finish, FakeFilmProvenance(), MODEL, video_artifacts
        )
        self.fail = FailTask(self.jobs, self.finish)
        self.seconds = 0.0
        self.detect = DetectVideo(
            medium="video",
            estimate_s=glance(max_seconds=60, max_bytes=1_000_000),
            finish=self.finish,
            read=GetJob(self.jobs, self.media, sleep=self._sleep, monotonic=lambda: self.seconds),
            jobs=self.jobs,
            media=self.media,
            queue=self.executions,
            fetch=FakeFetch(),
            uploads=no_uploads(self.media),
            clock=clock,
            region="r",
            max_bytes=1_000_000,
            monotonic=lambda: self.seconds,
        )

    def plan(self, message: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        task = PlanTask(self.jobs, self.media, self.work, max_seconds=60, max_bytes=1_000_000)
        return replace(task, **changes)(message)

    def look(self, message: Mapping[str, Any], chunk: Any) -> dict[str, Any]:
        return FramesTask(self.media, self.work, FakeDetector(detection(self.score)))({**message, "chunk": chunk})

    def run(self, **changes: Any) -> dict[str, str]:
        (message, _) = self.executions.sent[-1]
        plan = self.plan(message, **changes)
        chunks = [self.look(message, c) for c in plan["chunks"] or self.work.get(plan["chunks_key"])]
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
    assert [m.get("purge") for m, _ in world.purge.sent] == [None, f"media/acme/{outcome.job.job_id}"]


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
    plan = world.plan(message)
    (chunk,) = plan["chunks"]
    half = {**chunk, "end_s": 1.0}, {**chunk, "index": 1, "start_s": 1.0}
    world.score = 0.1
    seen = world.look(message, half[0])
    lost = {"index": 1, "frames": [], "covered_s": 0, "error": "internal-error"}  # as the state machine writes it
    world.join({**message, "plan": {**plan, "chunks": list(half)}, "found": {"chunks": [seen, lost], "sound": {}}})
    document = world.jobs.rows["acme", "job_r_1"].document
    assert document["media"]["coverage"] == pytest.approx(0.5)
    assert any("1.0-2.0 s" in warning for warning in document["warnings"])


def test_the_states_hold_keys_and_the_work_is_gone_with_the_job() -> None:
    world = World(run_at_once=False)
    job = world.detect(ask(respond_async=True)).job
    (message, _) = world.executions.sent[-1]
    plan = world.plan(message)
    begun = world.jobs.get("acme", job.job_id)
    assert begun is not None and begun.document["status"] == "processing"
    seen = world.look(message, plan["chunks"][0])
    assert set(seen) == {"index", "result_key"} and seen["result_key"] in world.media.objects
    world.run()
    assert world.media.objects == {}


def test_of_many_chunks_the_list_goes_by_key() -> None:
    world = World(run_at_once=False)
    world.detect(ask(data=clip(seconds=50, fps=2, size=(64, 48), sound=False), respond_async=True))
    (message, _) = world.executions.sent[-1]
    plan = world.plan(message, frames_per_chunk=1)
    assert plan["chunk_count"] > INLINE_CHUNKS and plan["chunks"] == []
    assert len(world.work.get(plan["chunks_key"])) == plan["chunk_count"]
    assert world.run(frames_per_chunk=1) == {"status": "completed"}
    assert world.media.objects == {}


def test_a_child_that_never_ran_is_a_chunk_without_frames() -> None:
    world = World(run_at_once=False)
    job = world.detect(ask(data=clip(seconds=10, fps=2, sound=False), respond_async=True)).job
    (message, _) = world.executions.sent[-1]
    plan = world.plan(message, frames_per_chunk=4)
    seen = [world.look(message, chunk) for chunk in plan["chunks"]]
    world.join({**message, "plan": plan, "found": {"chunks": [None, *seen[1:]], "sound": {}}})
    document = world.jobs.rows["acme", job.job_id].document
    assert document["status"] == "completed" and document["media"]["coverage"] < 1


def test_a_job_that_was_deleted_before_its_turn_is_not_begun() -> None:
    world = World(run_at_once=False)
    job = world.detect(ask(respond_async=True)).job
    world.jobs.bury(job)
    with pytest.raises(JobEnded):
        world.run()
    assert world.join({"tenant": "acme", "job_id": job.job_id}) == {"status": "deleted"}
    assert world.fail({"tenant": "acme", "job_id": job.job_id}) == {"status": "deleted"}


def test_a_part_that_is_missing_is_our_fault() -> None:
    with pytest.raises(InternalError, match="missing"):
        WorkFiles(FakeMedia()).get("work/acme/job/chunk-0.json")


class Broken:
    """A queue that takes nothing, and a table that takes no new row."""

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        raise ConnectionError("throttled")

    def create(self, job: Job) -> None:
        raise ConnectionError("throttled")


@pytest.mark.parametrize("retain", [False, True])
def test_a_job_that_cannot_be_started_fails_and_keeps_no_file(retain: bool) -> None:
    world = World()
    with pytest.raises(ServiceUnavailable) as raised:
        replace(world.detect, queue=Broken())(ask(options=DetectOptions(retain=retain)))
    ((_, job),) = world.jobs.rows.items()
    assert raised.value.headers["Retry-After"]
    assert (job.status, job.document["error"]["code"]) == (JobStatus.FAILED, "service-unavailable")
    assert world.media.objects == {}


def test_a_file_whose_job_could_not_be_stored_is_deleted_by_the_timer() -> None:
    world = World()
    world.jobs.create = Broken().create  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        world.detect(ask())
    (message, delay_s) = world.purge.sent[-1]
    assert delay_s > 0 and len(world.media.objects) == 1
    EraseFiles(world.jobs, world.media, FakeClock())(message["tenant"], message["job_id"], message["erase"])
    assert world.media.objects == {}


def test_a_job_whose_execution_was_never_started_is_ended_by_the_timer() -> None:
    world = World(run_at_once=False)
    job = world.detect(ask(respond_async=True)).job
    ((message, delay_s),) = world.purge.sent
    assert (message, delay_s) == ({"tenant": "acme", "job_id": job.job_id}, LONGEST_S)
    AbandonJob(world.finish, world.jobs)(**message)
    assert world.jobs.rows["acme", job.job_id].status is JobStatus.FAILED and world.media.objects == {}
