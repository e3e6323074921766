"""A video's job when something breaks: workers die, reads fail, the film is broken, the job starts twice or takes too long.

Whatever happens, the job ends exactly once, says what it does not cover, and leaves nothing in the bucket. One frame to a
chunk makes many small chunks of a short clip; `-s` prints what each fault did.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from forensics.domain.job import Job
from forensics.usecases.video_tasks import INLINE_CHUNKS
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.emulator import ROOT
from localcloud.localise import parse
from tests.support.bucket import Bucket
from tests.support.clips import clip
from tests.support.executions import Executions
from tests.support.faults import Faults, Order, frame_workers, kill, with_a_broken_stretch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DEADLINE_S = 240  # a few cold starts with models on a busy machine
LINGER_S = 0.6
KILLS = 20
POISONED = 1  # the chunk whose worker always dies
TRIES = 3


@cache
def short() -> bytes:
    """A silent clip of a handful of chunks."""
    return clip(seconds=2, fps=5, size=(160, 120), sound=False)


@cache
def long() -> bytes:
    """A silent clip of more chunks than one execution takes by itself."""
    return clip(seconds=22, fps=5, size=(96, 64), sound=False)


@dataclass(frozen=True)
class World:
    """A local cloud whose frame workers take orders."""

    cloud: LocalCloud
    faults: Faults
    executions: Executions

    def run(self, data: bytes) -> dict[str, str]:
        message = self.executions.store_job(data)
        self.executions.start(message)
        return message

    def ended(self, message: dict[str, str], *, name: str | None = None) -> Job:
        """The job once its execution, and what the execution's end sets off, is over; the bucket holds nothing of it."""
        eventually(lambda: self.executions.status(name or message["job_id"]) != "RUNNING")
        eventually(lambda: self.executions.job(message).status.terminal)
        eventually(lambda: Bucket(self.cloud).objects(job=message["job_id"]) == {})
        return self.executions.job(message)

    def counts(self, message: dict[str, str]) -> Counter[str]:
        return Counter(self.executions.history(message["job_id"]))


@pytest.fixture(scope="module", params=[False, True], ids=["open", "iam"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    template = parse((ROOT / "template.yaml").read_text())
    plan = template["Resources"]["VideoPlanFunction"]["Properties"]
    plan["Environment"]["Variables"]["VIDEO_FRAMES_PER_CHUNK"] = "1"
    faults = Faults.in_folder(tmp_path_factory.mktemp("faults"))
    with local_cloud(iam=request.param, template=template, source=faults.source) as cloud:
        yield World(cloud, faults, Executions(cloud))


@pytest.fixture(autouse=True)
def cloud(world: World) -> LocalCloud:
    """Workers in order again; and the cloud whose logs a failure shows."""
    world.faults.order(Order())
    return world.cloud


def test_a_worker_killed_at_its_work_is_replaced(world: World) -> None:
    world.faults.order(Order(linger_s=LINGER_S))
    message = world.run(short())
    kill_one(world, message, after_s=LINGER_S / 2)
    job = world.ended(message)
    assert whole(job)
    assert 1 <= world.counts(message)["TaskFailed"] < TRIES  # the worker beside it may go down with it
    assert world.executions.status(message["job_id"]) == "SUCCEEDED"


def test_a_chunk_whose_worker_always_dies_is_told(world: World) -> None:
    world.faults.order(Order(die_on=[POISONED]))
    message = world.run(short())
    job = world.ended(message)
    gap = plan_of(world, message)["chunks"][POISONED]
    assert job.document["media"]["coverage"] == pytest.approx(1 - (gap["end_s"] - gap["start_s"]) / 2, abs=0.01)
    assert told(job) == f"Part of the picture could not be analysed: {gap['start_s']:.1f}-{gap['end_s']:.1f} s."
    assert world.counts(message)["TaskFailed"] == TRIES
    lost = [c for c in joined(world, message)["found"]["chunks"] if "error" in c]
    assert lost == [{"index": POISONED, "frames": [], "covered_s": 0, "error": "internal-error"}]  # by its Catch


def test_a_broken_stretch_of_the_film_is_told_and_not_tried_again(world: World) -> None:
    film = with_a_broken_stretch(short(), start_s=0.9, end_s=2.0)
    message = world.run(film)
    job = world.ended(message)
    assert 0 < job.document["media"]["coverage"] < 1 and "could not be analysed" in told(job)
    assert "TaskFailed" not in world.counts(message)


def test_a_read_that_fails_is_tried_again(world: World) -> None:
    message = world.executions.store_job(short())
    world.faults.fail_reads(2)
    world.executions.start(message)
    assert whole(world.ended(message))
    assert 1 <= world.counts(message)["TaskFailed"] <= 2


def test_a_job_that_runs_twice_ends_once(world: World) -> None:
    message = world.run(short())
    with pytest.raises(Exception, match="ExecutionAlreadyExists"):
        world.executions.start(message)
    world.executions.start(message, name=f"{message['job_id']}-again")
    rows = []
    for name in (message["job_id"], f"{message['job_id']}-again"):
        world.ended(message, name=name)
        rows.append(world.executions.row(message)["document"])
    assert rows[0] == rows[1] and whole(world.executions.job(message))


def test_many_chunks_are_executions_of_their_own(world: World) -> None:
    world.faults.order(Order(die_on=[POISONED]))
    message = world.run(long())
    job = world.ended(message)
    (run,) = world.executions.map_runs(message["job_id"])
    counts = run["executionCounts"]
    assert counts["total"] == counts["succeeded"] > INLINE_CHUNKS
    assert world.counts(message)["TaskFailed"] == TRIES
    assert 0.9 < job.document["media"]["coverage"] < 1 and "could not be analysed" in told(job)


def test_an_execution_out_of_time_fails_its_job(world: World) -> None:
    world.faults.order(Order(linger_s=30))
    limit_s = world.executions.set_time_limit(2)
    try:
        message = world.run(short())
        job = world.ended(message)
    finally:
        world.executions.set_time_limit(limit_s)
    assert world.executions.status(message["job_id"]) == "TIMED_OUT"
    assert job.document["error"]["code"] == "internal-error"
    for worker in frame_workers(world.cloud):  # which would linger on
        kill(worker)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_workers_killed_at_any_moment(world: World) -> None:
    world.faults.order(Order(linger_s=LINGER_S))
    usual_s = [undisturbed(world), undisturbed(world)][-1]  # the first starts every function
    rows = [one_kill(world, within_s=usual_s) for _ in range(KILLS)]
    took_s = [row["seconds"] for row in rows]
    print(  # noqa: T201 -- the figures
        f"\n{KILLS} kills: {sum(row['failed'] > 0 for row in rows)} hit a worker at its work, {sum(row['failed'] for row in rows)}"
        f" tasks failed and were tried again; all jobs whole, ended once; undisturbed {usual_s:.1f} s,"
        f" killed {statistics.median(took_s):.1f} s (median), {max(took_s):.1f} s (most)"
    )
    assert any(row["failed"] for row in rows)


def undisturbed(world: World) -> float:
    """Seconds of a job that nothing happens to."""
    started = time.monotonic()
    assert whole(world.ended(world.run(short())))
    return time.monotonic() - started


def one_kill(world: World, *, within_s: float) -> dict[str, Any]:
    message = world.run(short())
    started = time.monotonic()
    kill_one(world, message, after_s=random.uniform(0, within_s))
    assert whole(world.ended(message))
    return {"failed": world.counts(message)["TaskFailed"], "seconds": time.monotonic() - started}


def kill_one(world: World, message: dict[str, str], *, after_s: float) -> None:
    """Kill one of the frame workers, so many seconds after Plan has ended, or as soon as there is one."""
    eventually(lambda: "ParallelStateEntered" in world.counts(message))
    time.sleep(after_s)
    eventually(lambda: bool(frame_workers(world.cloud)) or world.executions.status(message["job_id"]) != "RUNNING")
    for worker in frame_workers(world.cloud)[:1]:
        kill(worker)


def whole(job: Job) -> bool:
    document = job.document
    return (document["status"], document["media"]["coverage"], document["warnings"]) == ("completed", 1.0, [])


def told(job: Job) -> str:
    (warning,) = job.document["warnings"]
    return str(warning)


def plan_of(world: World, message: dict[str, str]) -> Any:
    return joined(world, message)["plan"]


def joined(world: World, message: dict[str, str]) -> Any:
    """What Join was given."""
    (entered,) = [
        e["stateEnteredEventDetails"]
        for e in world.executions.events(message["job_id"])
        if e.get("stateEnteredEventDetails", {}).get("name") == "Join"
    ]
    return json.loads(entered["input"])


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
