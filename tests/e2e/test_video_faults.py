"""A video's job when something breaks: workers die, reads fail, the film is broken, the job starts twice or takes too long.

Whatever happens, the job ends exactly once, is told of by one event and billed once, says what it does not cover, and leaves
nothing in the bucket. One frame to a
chunk makes many small chunks of a short clip; `-s` prints what each fault did.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import httpx2
import pytest

from forensics.domain.job import Job
from forensics.usecases.video_tasks import INLINE_CHUNKS
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.emulator import ROOT
from localcloud.localise import parse
from tests.support.clips import clip
from tests.support.executions import Event, Executions
from tests.support.faults import Faults, Order, frame_workers, kill, with_a_broken_stretch
from tests.support.outcomes import Outcomes
from tests.support.video_world import DEADLINE_S, World, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LINGER_S = 0.6
KILLS = 20
POISONED = 1  # the chunk whose worker always dies
TRIES = 3
CHUNKS = 4  # of the short clip
LOST = {"index": POISONED, "frames": [], "covered_s": 0, "error": "internal-error"}
TASKS = {"TaskScheduled": "scheduled", "TaskFailed": "failed", "TaskSucceeded": "succeeded"}


@cache
def short() -> bytes:
    """A silent clip of a handful of chunks."""
    return clip(seconds=2, fps=5, size=(160, 120), sound=False)


@cache
def long() -> bytes:
    """A silent clip of more chunks than one execution takes by itself."""
    return clip(seconds=22, fps=5, size=(96, 64), sound=False)


@pytest.fixture(scope="module", params=[False, True], ids=["open", "iam"])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    template = parse((ROOT / "template.yaml").read_text())
    plan = template["Resources"]["VideoPlanFunction"]["Properties"]
    plan["Environment"]["Variables"]["VIDEO_FRAMES_PER_CHUNK"] = "1"
    faults = Faults.in_folder(tmp_path_factory.mktemp("faults"))
    with local_cloud(iam=request.param, template=template, source=faults.source) as cloud:
        headers = {"Authorization": f"Bearer {cloud.create_key()}"}
        with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=DEADLINE_S, trust_env=False) as api:
            yield World(cloud, faults, Executions(cloud), Outcomes.listen(cloud, api))


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    """Workers in order again; in the end every job of the test was billed, and told of, exactly once."""
    deployed.faults.order(Order())
    deployed.jobs.clear()
    before = deployed.outcomes.billed()
    yield deployed
    deployed.settle(billed_before=before)


@pytest.fixture(autouse=True)
def cloud(deployed: World) -> LocalCloud:
    """The cloud whose logs a failure shows."""
    return deployed.cloud


def test_a_worker_killed_at_its_work_is_replaced(world: World) -> None:
    world.faults.order(Order(linger_s=LINGER_S))
    begun = world.faults.begun()
    message = world.run(short())
    kill_one(world, message, at=begun + 1, after_s=LINGER_S / 2)
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
    assert lost_chunks(world, message) == [LOST]  # by its Catch


def test_a_broken_stretch_of_the_film_is_told_and_not_tried_again(world: World) -> None:
    film = with_a_broken_stretch(short(), start_s=0.9, end_s=2.0)
    message = world.run(film)
    job = world.ended(message)
    assert 0 < job.document["media"]["coverage"] < 1 and "could not be analysed" in told(job)
    assert "TaskFailed" not in world.counts(message)


def test_a_read_that_fails_is_tried_again(world: World) -> None:
    world.faults.fail_reads(2)
    message = world.run(short())
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
    """So each has a history of its own: one chunk is tried again after a failed read, another is given up."""
    world.faults.order(Order(die_on=[POISONED]))
    world.faults.fail_reads(1)
    message = world.run(long())
    job = world.ended(message)
    (run,) = world.executions.map_runs(message["job_id"])
    counts = run["executionCounts"]
    assert counts["total"] == counts["succeeded"] > INLINE_CHUNKS
    assert 0.9 < job.document["media"]["coverage"] < 1 and "could not be analysed" in told(job)
    children = world.executions.child_events(message["job_id"])
    histories = Counter(tuple(step for step in steps(child) if step in TASKS.values()) for child in children)
    usual, again, caught = (
        ("scheduled", "succeeded"),
        ("scheduled", "failed", "scheduled", "succeeded"),
        (*["scheduled", "failed"] * TRIES,),
    )
    assert set(histories) == {usual, again, caught}
    assert (histories[again], histories[caught]) == (1, 1)
    assert lost_chunks(world, message) == [LOST]  # what the state that the Catch names put out


def test_the_history_shows_how_a_bad_file_fails_its_job(world: World) -> None:
    """No retry for the file's own fault: Plan's Catch goes straight to the state that ends the job."""
    message = world.executions.store_job(b"no film at all")
    world.executions.start(message)
    job = world.ended(message)
    assert job.document["error"]["code"] == "unsupported-media-type"
    assert steps(world.executions.events(message["job_id"])) == [
        *("Plan entered", "scheduled", "failed", "Plan left"),
        *("Fail the job entered", "scheduled", "succeeded", "Fail the job left"),
    ]


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
        kill(worker.pid)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_workers_killed_at_any_moment(world: World) -> None:
    world.faults.order(Order(linger_s=LINGER_S))
    usual_s = [undisturbed(world), undisturbed(world)][-1]  # the first starts every function
    rows = [one_kill(world) for _ in range(KILLS)]
    took_s, hits = [row["seconds"] for row in rows], sum(row["failed"] > 0 for row in rows)
    print(  # noqa: T201 -- the figures
        f"\n{KILLS} kills: {hits} hit a worker at its work, {sum(row['failed'] for row in rows)} tasks failed and were tried again;"
        f" all jobs whole, ended, told of and billed once; undisturbed {usual_s:.1f} s,"
        f" killed {statistics.median(took_s):.1f} s (median), {max(took_s):.1f} s (most)"
    )
    assert hits >= 0.8 * KILLS


def undisturbed(world: World) -> float:
    """Seconds of a job that nothing happens to."""
    started = time.monotonic()
    assert whole(world.ended(world.run(short())))
    return time.monotonic() - started


def one_kill(world: World) -> dict[str, Any]:
    """Kill a worker at some moment of its work at some chunk."""
    begun, started = world.faults.begun(), time.monotonic()
    message = world.run(short())
    chance = random.Random(message["job_id"])
    kill_one(world, message, at=begun + chance.randint(1, CHUNKS), after_s=chance.uniform(0, LINGER_S))
    assert whole(world.ended(message))
    return {"failed": world.counts(message)["TaskFailed"], "seconds": time.monotonic() - started}


def kill_one(world: World, message: dict[str, str], *, at: int, after_s: float) -> None:
    """Kill a worker at its work, so many seconds after that many chunks have ever been begun."""
    eventually(lambda: world.faults.begun() >= at, every_s=0.02)
    time.sleep(after_s)
    eventually(
        lambda: bool(world.faults.at_work()) or world.executions.status(message["job_id"]) != "RUNNING", every_s=0.02
    )
    for pid in world.faults.at_work()[:1]:
        kill(pid)


def steps(events: Sequence[Event]) -> list[str]:
    """What a history tells of states and tasks, in words."""
    told = []
    for event in events:
        if "stateEnteredEventDetails" in event:
            told.append(f"{event['stateEnteredEventDetails']['name']} entered")
        elif "stateExitedEventDetails" in event:
            told.append(f"{event['stateExitedEventDetails']['name']} left")
        elif event["type"] in TASKS:
            told.append(TASKS[event["type"]])
    return told


def whole(job: Job) -> bool:
    document = job.document
    return (document["status"], document["media"]["coverage"], document["warnings"]) == ("completed", 1.0, [])


def told(job: Job) -> str:
    (warning,) = job.document["warnings"]
    return str(warning)


def plan_of(world: World, message: dict[str, str]) -> Any:
    return joined(world, message)["plan"]


def lost_chunks(world: World, message: dict[str, str]) -> list[Any]:
    return [chunk for chunk in joined(world, message)["found"]["chunks"] if "error" in chunk]


def joined(world: World, message: dict[str, str]) -> Any:
    """What Join was given."""
    (entered,) = [
        e["stateEnteredEventDetails"]
        for e in world.executions.events(message["job_id"])
        if e.get("stateEnteredEventDetails", {}).get("name") == "Join"
    ]
    return json.loads(entered["input"])
