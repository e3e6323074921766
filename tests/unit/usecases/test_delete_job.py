"""DELETE: nothing of a job is left, and nothing that was still at work for it brings it back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from forensics.domain.errors import Deleted, NotFound, UnsupportedMediaType
from forensics.domain.job import DetectOptions, Job, JobStatus, artifact_key, work_prefix
from forensics.usecases.delete_job import ERASE_AGAIN_S, DeleteJob
from forensics.usecases.erase_files import EraseFiles
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.get_job import GetJob
from tests.support.fakes import START, FakeClock, FakeJobs, FakeMedia, FakeQueue

JOB = Job(
    "acme", "job_1", JobStatus.QUEUED, "video", DetectOptions(metadata={"case": "7"}), "r1", START, "media/acme/job_1"
)
LEFT = {
    "media/acme/job_1": b"film",
    artifact_key("acme", "job_1", "heatmap.png"): b"heat",
    work_prefix("acme", "job_1") + "chunk-0.json": b"[]",
}
OTHERS = {"media/acme/job_10": b"film", artifact_key("acme", "job_10", "heatmap.png"): b"heat"}


@dataclass
class FakeExecutions:
    error: Exception | None = None
    stopped: list[str] = field(default_factory=list)

    def stop(self, job_id: str) -> None:
        if self.error:
            raise self.error
        self.stopped.append(job_id)


class World:
    def __init__(self, job: Job = JOB) -> None:
        self.jobs, self.media, self.queue, self.executions = FakeJobs(), FakeMedia(), FakeQueue(), FakeExecutions()
        self.jobs.create(job)
        self.media.objects |= LEFT | OTHERS
        self.erase = EraseFiles(self.jobs, self.media, FakeClock())
        self.delete = DeleteJob(self.jobs, self.erase, self.queue, self.executions)
        self.finish = FinishJob(self.jobs, self.media, self.queue, FakeClock())


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.COMPLETED, JobStatus.FAILED])
def test_everything_of_the_job_is_gone_and_nothing_of_others(status: JobStatus) -> None:
    world = World(replace(JOB, status=status, document={"status": status.value, "verdict": "synthetic"}))
    world.delete("acme", "job_1")
    assert world.media.objects == OTHERS
    left = world.jobs.rows["acme", "job_1"]
    assert (left.status, dict(left.document), left.media_key, left.options) == (
        JobStatus.DELETED,
        {},
        None,
        DetectOptions(),
    )
    assert world.executions.stopped == ([] if status.terminal else ["job_1"])
    for call in (GetJob(world.jobs, world.media), world.delete):
        with pytest.raises(Deleted):
            call("acme", "job_1")


@pytest.mark.parametrize(("tenant", "job_id"), [("rival", "job_1"), ("acme", "job_2")])
def test_what_is_not_the_callers_is_not_found_and_stays(tenant: str, job_id: str) -> None:
    world = World()
    with pytest.raises(NotFound):
        world.delete(tenant, job_id)
    assert world.media.objects == LEFT | OTHERS and world.queue.sent == []


def test_a_later_finish_brings_nothing_back() -> None:
    world = World()
    world.delete("acme", "job_1")
    world.finish.failed(JOB, UnsupportedMediaType("No film."))
    assert world.jobs.rows["acme", "job_1"].status is JobStatus.DELETED
    assert not world.jobs.begin("acme", "job_1")


def test_what_a_late_worker_leaves_is_erased_by_the_timers() -> None:
    world = World()
    world.delete("acme", "job_1")
    world.media.objects |= LEFT
    assert [delay_s for _, delay_s in world.queue.sent] == list(ERASE_AGAIN_S)
    ((message, _), _) = world.queue.sent
    world.erase(message["tenant"], message["job_id"], message["erase"])
    assert world.media.objects == OTHERS


def test_a_timer_whose_delete_failed_touches_nothing() -> None:
    world = World()
    world.erase("acme", "job_1", "media/acme/job_1")
    assert world.media.objects == LEFT | OTHERS


def test_an_execution_that_cannot_be_stopped_does_not_undo_the_deletion() -> None:
    world = World()
    world.executions.error = RuntimeError("throttled")
    world.delete("acme", "job_1")
    assert world.media.objects == OTHERS


def test_of_two_at_once_one_has_deleted_it() -> None:
    world = World()
    world.jobs.get = lambda tenant, job_id: JOB  # type: ignore[method-assign]  # both read it before either wrote
    world.erase = EraseFiles(FakeJobs(), world.media, FakeClock())
    delete = replace(world.delete, erase=world.erase)
    delete("acme", "job_1")
    with pytest.raises(Deleted):
        delete("acme", "job_1")
