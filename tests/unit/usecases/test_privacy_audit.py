"""What a change of a job's row means for the audit and for the hold of its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from forensics.cli import admin
from forensics.domain.audit import AuditEntry, Step
from forensics.domain.events import Row, RowChange
from forensics.usecases.audit import KeepAudit, ReadAudit, job_steps
from forensics.usecases.holds import KeepHolds

AT = datetime(2026, 11, 22, 14, 41, tzinfo=UTC)
JOB_ID = "job_euwest1_01ARZ3NDEKTSV4RRFFQ69G5FAV"
KEEP, PURGE = (json.dumps({"retain": retain}) for retain in (True, False))
QUEUED = {
    "tenant": "acme",
    "job_id": JOB_ID,
    "status": "queued",
    "options": PURGE,
    "created_at": "2026-11-22T14:39:58.250000+00:00",
    "media_key": f"media/acme/{JOB_ID}",
    "source": "url",
    "written_by": "detect-image",
}
PROCESSING = {**QUEUED, "status": "processing"}


def ended(row: Row, *, deleted_at: str | None = None, status: str = "completed") -> dict[str, str]:
    document = {"completed_at": "2026-11-22T14:40:00.000Z", "retention": {"deleted_at": deleted_at}}
    return {**row, "status": status, "document": json.dumps(document)}


STAMPED = {**ended(QUEUED), "media_deleted_at": "2026-11-22T14:40:01.000Z"}
BURIED = {k: v for k, v in QUEUED.items() if k not in ("media_key", "source")} | {"status": "deleted"}
NEVER_STORED = {k: v for k, v in QUEUED.items() if k != "media_key"} | {"source": "file"}
ITEM = {**QUEUED, "batch": "batch_1", "source": "upload"}
HELD = {**QUEUED, "options": KEEP}


@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [
        ({}, QUEUED, [Step.ACCEPTED, Step.FETCHED, Step.STORED]),
        (QUEUED, PROCESSING, [Step.PROCESSING]),
        (PROCESSING, PROCESSING, []),
        (PROCESSING, ended(PROCESSING), [Step.COMPLETED]),
        (PROCESSING, ended(PROCESSING, status="failed"), [Step.FAILED]),
        (ended(QUEUED), STAMPED, [Step.MEDIA_DELETED]),
        (STAMPED, {**STAMPED, "feedback:key_1": "{}"}, []),
        (STAMPED, BURIED, [Step.DELETED]),
        (QUEUED, BURIED, [Step.DELETED]),
        (BURIED, {**BURIED, "media_deleted_at": "2026-11-22T14:42:00.000Z"}, [Step.MEDIA_DELETED]),
        (
            {},
            ended(NEVER_STORED, deleted_at="2026-11-22T14:40:00.000Z"),
            [Step.ACCEPTED, Step.RECEIVED, Step.COMPLETED, Step.MEDIA_DELETED],
        ),
        ({}, ITEM, [Step.ACCEPTED]),
        (ITEM, {**ITEM, "media_type": "image"}, [Step.UPLOADED, Step.STORED]),
        ({}, ended(ITEM, status="failed"), [Step.ACCEPTED, Step.FAILED]),
    ],
)
def test_each_change_is_its_steps(before: Row, after: Row, steps: list[Step]) -> None:
    found = list(job_steps(RowChange(before, after, AT)))
    assert [entry.step for entry in found] == steps
    assert {(e.subject, e.tenant, e.function) for e in found} <= {(JOB_ID, "acme", "detect-image")}


def test_times_are_the_jobs_own_where_it_has_them() -> None:
    times = {e.step: e.at.isoformat() for e in job_steps(RowChange({}, STAMPED, AT))}
    assert times[Step.ACCEPTED] == "2026-11-22T14:39:58.250000+00:00"
    assert times[Step.STORED] == AT.isoformat()
    assert times[Step.COMPLETED] == "2026-11-22T14:40:00+00:00"
    assert times[Step.MEDIA_DELETED] == "2026-11-22T14:40:01+00:00"


@dataclass
class FakeAudit:
    rows: dict[tuple[str, Step], AuditEntry] = field(default_factory=dict)

    def add(self, entry: AuditEntry) -> bool:
        return self.rows.setdefault((entry.subject, entry.step), entry) is entry

    def of(self, subject: str) -> list[AuditEntry]:
        return [entry for (owner, _), entry in self.rows.items() if owner == subject]


@dataclass
class FakeSchedules:
    pending: dict[str, tuple[Mapping[str, object], datetime]] = field(default_factory=dict)

    def set(self, name: str, message: Mapping[str, object], *, at: datetime) -> None:
        self.pending.setdefault(name, (message, at))

    def cancel(self, name: str) -> None:
        self.pending.pop(name, None)


def test_a_job_of_another_region_is_that_regions_to_tell() -> None:
    audit, schedules = FakeAudit(), FakeSchedules()
    for keep in (KeepAudit(audit, "us-east-1"), KeepHolds(schedules, "us-east-1")):
        keep([RowChange({}, HELD, AT), RowChange({}, {"tenant": "acme", "batch_id": "batch_1"}, AT)])
    assert audit.rows == {} and schedules.pending == {}


def test_a_hold_ends_thirty_days_after_its_call() -> None:
    schedules = FakeSchedules()
    KeepHolds(schedules, "eu-west-1")([RowChange({}, HELD, AT)] * 2)
    ((name, (message, at)),) = schedules.pending.items()
    assert (name, at.isoformat()) == (f"hold-{JOB_ID}", "2026-12-22T14:39:58.250000+00:00")
    assert message == {"tenant": "acme", "job_id": JOB_ID, "purge": HELD["media_key"]}


@pytest.mark.parametrize("after", [{**ended(HELD), "media_deleted_at": "x"}, BURIED], ids=["its file", "its job"])
def test_a_hold_is_taken_back_when_what_it_holds_is_gone(after: Row) -> None:
    schedules = FakeSchedules()
    KeepHolds(schedules, "eu-west-1")([RowChange({}, HELD, AT), RowChange(HELD, ended(HELD), AT)])
    assert len(schedules.pending) == 1
    KeepHolds(schedules, "eu-west-1")([RowChange(ended(HELD), after, AT)])
    assert schedules.pending == {}


@pytest.mark.parametrize("row", [QUEUED, {k: v for k, v in HELD.items() if k != "media_key"}])
def test_what_is_not_kept_has_no_hold(row: Row) -> None:
    schedules = FakeSchedules()
    KeepHolds(schedules, "eu-west-1")([RowChange({}, row, AT)])
    assert schedules.pending == {}


def test_the_administrator_reads_a_jobs_life(capsys: pytest.CaptureFixture[str]) -> None:
    audit = FakeAudit()
    KeepAudit(audit, "eu-west-1")([RowChange(QUEUED, STAMPED, AT), RowChange({}, QUEUED, AT)])
    assert admin.main(["audit", JOB_ID], audit=ReadAudit(audit)) == admin.EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [
        "STEP",
        "accepted",
        "fetched",
        "stored",
        "completed",
        "media_deleted",
    ]
    assert lines[1].split() == ["2026-11-22T14:39:58.250Z", "accepted", "acme", "detect-image"]
    assert admin.main(["audit", "job_unknown"], audit=ReadAudit(audit)) == admin.EXIT_USAGE
