"""The sweeper's judgement of every object, by its area, its age and its job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from forensics.domain.audit import AuditEntry, Step
from forensics.domain.job import DetectOptions, Job, JobStatus, timestamp
from forensics.usecases.abandon_job import AbandonJob
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.sweep import StoredObject, SweepOrphans, Swept
from tests.support.fakes import START, FakeClock, FakeJobs, FakeMedia, FakeQueue

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUEUED = Job("acme", "job_1", JobStatus.QUEUED, "image", DetectOptions(), "r1", START, "media/acme/job_1")
RETENTION = {"mode": "purge", "delete_by": None, "deleted_at": None}


@dataclass
class FakeAudit:
    entries: list[AuditEntry]

    def add(self, entry: AuditEntry) -> bool:
        self.entries.append(entry)
        return True

    def of(self, subject: str) -> list[AuditEntry]:
        return [entry for entry in self.entries if entry.subject == subject]


@dataclass
class FakeObjects:
    """The media store's objects, all of one age."""

    media: FakeMedia
    age: timedelta

    def under(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        yield from ((key, START - self.age) for key in list(self.media.objects) if key.startswith(prefix))


class World:
    def __init__(self, key: str, *, age: timedelta, job: Job | None) -> None:
        self.jobs, self.media, self.audit, clock = FakeJobs(), FakeMedia({key: b"file"}), FakeAudit([]), FakeClock()
        if job is not None:
            self.jobs.create(job)
        abandon = AbandonJob(FinishJob(self.jobs, self.media, FakeQueue(), clock), self.jobs)
        objects = FakeObjects(self.media, age)
        self.sweep = SweepOrphans(objects, self.jobs, self.media, abandon, self.audit, clock, "sweeper")

    def swept(self) -> Swept:
        return self.sweep(until=START + DAY)


def ended(status: JobStatus = JobStatus.COMPLETED, *, ago: timedelta = 2 * MINUTE) -> Job:
    document = {"status": status.value, "completed_at": timestamp(START - ago), "retention": RETENTION}
    return replace(QUEUED, status=status, document=document)


DELETED = QUEUED.deleted()
PROCESSING = replace(QUEUED, status=JobStatus.PROCESSING)


@pytest.mark.parametrize(
    ("key", "age", "job", "stays"),
    [
        ("media/acme/job_1", 29 * MINUTE, None, True),
        ("media/acme/job_1", 31 * MINUTE, None, False),
        ("media/acme/job_1", 23 * HOUR, QUEUED, True),
        ("media/acme/job_1", 23 * HOUR, PROCESSING, True),
        ("media/acme/job_1", MINUTE, ended(ago=MINUTE / 2), True),
        ("media/acme/job_1", 3 * MINUTE, ended(), False),
        ("media/acme/job_1", 3 * MINUTE, ended(JobStatus.FAILED), False),
        ("media/acme/job_1", timedelta(), DELETED, False),
        ("work/acme/job_1/chunk-0.json", 3 * MINUTE, PROCESSING, True),
        ("work/acme/job_1/chunk-0.json", 3 * MINUTE, ended(), False),
        ("work/acme/job_1/chunk-0.json", 31 * MINUTE, None, False),
        ("retained/acme/job_1", 29 * DAY, None, True),
        ("retained/acme/job_1", 30 * DAY + 30 * MINUTE, ended(), True),
        ("retained/acme/job_1", 30 * DAY + 61 * MINUTE, ended(), False),
        ("retained/acme/job_1", 31 * MINUTE, None, False),
        ("retained/acme/job_1", HOUR, ended(), True),
        ("retained/acme/job_1", HOUR, DELETED, False),
        ("artifacts/acme/job_1/heatmap.png", 23 * HOUR, ended(), True),
        ("artifacts/acme/job_1/heatmap.png", 25 * HOUR, ended(), False),
        ("artifacts/acme/job_1/heatmap.png", HOUR, DELETED, False),
        ("artifacts/acme/job_1/heatmap.png", 29 * MINUTE, None, True),
        ("artifacts/acme/job_1/heatmap.png", HOUR, None, False),
        ("uploads/acme/upload_1", 44 * MINUTE, None, True),
        ("uploads/acme/upload_1", 46 * MINUTE, None, False),
        ("intake/acme/holiday.jpg", 23 * HOUR, None, True),
        ("intake/acme/holiday.jpg", 25 * HOUR, None, False),
        ("elsewhere/acme/job_1", 99 * DAY, None, True),
    ],
)
def test_what_stays_and_what_goes(key: str, age: timedelta, job: Job | None, stays: bool) -> None:
    world = World(key, age=age, job=job)
    swept = world.swept()
    assert (key in world.media.objects) == stays
    assert swept.deleted.total() == int(not stays) and swept.finished
    assert swept.orphans == int(
        not stays and key.split("/")[0] in ("media", "retained", "work")
    )  # what the alarm is on
    told = [] if stays or key.startswith("intake/") else [(key.split("/")[2], Step.SWEPT)]
    assert [(e.subject, e.step) for e in world.audit.entries] == told


def test_the_deletion_of_a_file_is_stamped_into_its_job() -> None:
    world = World("media/acme/job_1", age=3 * MINUTE, job=ended())
    world.swept()
    assert world.jobs.rows["acme", "job_1"].document["retention"]["deleted_at"] is not None


@pytest.mark.parametrize("key", ["media/acme/job_1", "work/acme/job_1/sound.json", "retained/acme/job_1"])
def test_a_job_that_hangs_for_a_day_fails(key: str) -> None:
    world = World(key, age=25 * HOUR, job=replace(PROCESSING, media_type="video"))
    assert world.swept().jobs_ended == 1
    job = world.jobs.rows["acme", "job_1"]
    assert (job.status, job.document["error"]["code"]) == (JobStatus.FAILED, "internal-error")
    assert key.startswith("retained/") or world.media.objects == {}


def test_a_sweep_ends_in_time_and_says_so() -> None:
    world = World("media/acme/job_1", age=DAY, job=None)
    swept = world.sweep(until=START)
    assert (swept.finished, swept.seen, len(world.media.objects)) == (False, 0, 1)


def test_a_key_of_no_known_form_belongs_to_nobody() -> None:
    assert StoredObject("media/", START).owner == ("", "")
    assert StoredObject("work/acme/job_1/chunk-0.json", START).owner == ("acme", "job_1")
