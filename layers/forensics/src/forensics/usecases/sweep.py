"""The sweeper: what every other way of deletion has missed is found by what lies in the bucket, and deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from forensics.domain.audit import AuditEntry, Step
from forensics.domain.job import PURGE_WITHIN, RETAIN_PERIOD, Job, JobStatus
from forensics.usecases.abandon_job import AbandonJob
from forensics.usecases.audit import AuditRows
from forensics.usecases.ports import Clock, JobStore, MediaStore

IN_THE_MAKING = timedelta(minutes=30)  # a file may lie there before its job's row does; no call takes half of it
LONGEST_JOB = timedelta(days=1)  # as long as a queue keeps a message: nobody is at work for an older one
LOOKED_AT = timedelta(hours=26)  # held files and artefacts that are older have had their job looked up a hundred times
LATE = timedelta(hours=1)  # after its hold's end, when the schedule has failed


@dataclass(frozen=True)
class StoredObject:
    """An object of the bucket, by its key `<area>/<tenant>/<id>...`."""

    key: str
    modified: datetime

    @property
    def area(self) -> str:
        return self.key.partition("/")[0]

    @property
    def owner(self) -> tuple[str, str]:
        """The tenant, and the id of the job or upload."""
        _, tenant, subject, *_ = [*self.key.split("/"), "", ""]
        return tenant, subject


class Fate(StrEnum):
    KEEP = "keep"
    DELETE = "delete"
    END_JOB = "end_job"  # it hangs: it fails, and its file goes as with every failure


JobOf = Callable[[], Job | None]


def fate_of_media(age: timedelta, job_of: JobOf, now: datetime, making: timedelta) -> Fate:
    """The file of a job that is not kept, and what its workers told each other."""
    job = job_of()
    if job is None:
        return Fate.DELETE if age > making else Fate.KEEP
    if job.status.terminal:
        return Fate.KEEP if _ended_just_now(job, now) else Fate.DELETE
    return Fate.END_JOB if age > LONGEST_JOB else Fate.KEEP


def fate_of_retained(age: timedelta, job_of: JobOf, now: datetime, making: timedelta) -> Fate:
    if age > RETAIN_PERIOD + LATE:
        return Fate.DELETE
    if age > LOOKED_AT:
        return Fate.KEEP
    job = job_of()
    if job is None:
        return Fate.DELETE if age > making else Fate.KEEP
    if job.status is JobStatus.DELETED:
        return Fate.DELETE
    return Fate.END_JOB if age > LONGEST_JOB and not job.status.terminal else Fate.KEEP


def fate_of_artifact(age: timedelta, job_of: JobOf, now: datetime, making: timedelta) -> Fate:
    """What explains a verdict is linked for a day."""
    if age > LONGEST_JOB:
        return Fate.DELETE
    job = job_of()
    gone = age > making if job is None else job.status is JobStatus.DELETED
    return Fate.DELETE if gone else Fate.KEEP


def fate_by_age(bound: timedelta) -> Callable[[timedelta, JobOf, datetime, timedelta], Fate]:
    """What belongs to no job yet."""
    return lambda age, job_of, now, making: Fate.DELETE if age > bound else Fate.KEEP


FATES = {
    "media": fate_of_media,
    "work": fate_of_media,
    "retained": fate_of_retained,
    "artifacts": fate_of_artifact,
    "uploads": fate_by_age(timedelta(minutes=45)),  # a form lives 15 minutes, and its own timer deletes after 30
    "intake": fate_by_age(LONGEST_JOB),
}
MEDIA_AREAS = ("media", "retained")
# What lies there should have gone with its job; the last way of the others is the sweeper.
LATE_AREAS = (*MEDIA_AREAS, "work")


class Objects(Protocol):
    def under(self, prefix: str) -> Iterable[tuple[str, datetime]]:
        """Yield key and time of the last write."""
        ...


@dataclass
class Swept:
    """What a sweep found: objects deleted by area, jobs ended, and whether it came to the end of the bucket."""

    deleted: Counter[str] = field(default_factory=Counter)
    jobs_ended: int = 0
    seen: int = 0
    finished: bool = True

    @property
    def orphans(self) -> int:
        """Objects that another deletion should have taken: above zero means that one has failed."""
        return sum(self.deleted[area] for area in LATE_AREAS)


@dataclass(frozen=True)
class SweepOrphans:
    """Looks at every object; `making` is how old one may be without a job."""

    objects: Objects
    jobs: JobStore
    media: MediaStore
    abandon: AbandonJob
    audit: AuditRows
    clock: Clock
    function: str = ""
    making: timedelta = IN_THE_MAKING

    def __call__(self, *, until: datetime) -> Swept:
        """Sweep until the time is up; what was not reached is the next sweep's."""
        swept, known = Swept(), dict[tuple[str, str], Job | None]()
        for area in FATES:
            for key, modified in self.objects.under(f"{area}/"):
                if self.clock.now() >= until:
                    swept.finished = False
                    return swept
                swept.seen += 1
                self._treat(StoredObject(key, modified), swept, known)
        return swept

    def _treat(self, found: StoredObject, swept: Swept, known: dict[tuple[str, str], Job | None]) -> None:
        def job_of() -> Job | None:
            if found.owner not in known:
                known[found.owner] = self.jobs.get(*found.owner)
            return known[found.owner]

        now = self.clock.now()
        fate = FATES[found.area](now - found.modified, job_of, now, self.making)
        if fate is Fate.END_JOB:
            self.abandon(*found.owner)
            known.pop(found.owner)
            swept.jobs_ended += 1
        elif fate is Fate.DELETE:
            self._delete(found)
            swept.deleted[found.area] += 1

    def _delete(self, found: StoredObject) -> None:
        self.media.delete(found.key)
        tenant, subject = found.owner
        at = self.clock.now()
        if found.area in MEDIA_AREAS:
            self.jobs.stamp_deleted(tenant, subject, at)
        if found.area != "intake":  # there the name is the caller's
            self.audit.add(AuditEntry(subject, Step.SWEPT, tenant, at, self.function))


def _ended_just_now(job: Job, now: datetime) -> bool:
    """Its file is about to be deleted by what ended it, or by the timer behind that."""
    ended = job.document.get("completed_at")
    return ended is not None and now - datetime.fromisoformat(str(ended)) <= PURGE_WITHIN
