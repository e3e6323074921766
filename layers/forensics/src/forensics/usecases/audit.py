"""The audit is written from the job table's stream: no function can forget it, and none that touches media can write it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from forensics.domain.audit import ARRIVED, AuditEntry, Source, Step, in_order
from forensics.domain.events import RowChange
from forensics.domain.ids import lives_in
from forensics.domain.job import JobStatus

ENDS = {JobStatus.COMPLETED.value: Step.COMPLETED, JobStatus.FAILED.value: Step.FAILED}
TERMINAL = (*ENDS, JobStatus.DELETED.value)


class AuditRows(Protocol):
    """Entries by subject and step, which nobody changes or removes."""

    def add(self, entry: AuditEntry) -> bool:
        """Write the entry; False when this step of this subject is written already, which then stands."""
        ...

    def of(self, subject: str) -> list[AuditEntry]: ...


@dataclass(frozen=True)
class KeepAudit:
    """Writes what a batch of changes means; told twice, the first entry of each step stands."""

    rows: AuditRows
    region: str

    def __call__(self, changes: Iterable[RowChange]) -> None:
        for change in changes:
            if "job_id" in change.after and lives_in(change.after["job_id"], self.region):
                for entry in job_steps(change):
                    self.rows.add(entry)


@dataclass(frozen=True)
class ReadAudit:
    """The administrator's view of one job or upload."""

    rows: AuditRows

    def __call__(self, subject: str) -> list[AuditEntry]:
        """Return the entries in their order; none for a subject that is unknown."""
        return in_order(self.rows.of(subject))


def job_steps(change: RowChange) -> Iterator[AuditEntry]:
    """Yield an entry for every step that a change of a job's row shows."""
    row = change.after
    for step, at in _steps(change):
        yield AuditEntry(row["job_id"], step, row["tenant"], at, row.get("written_by", ""))


def _steps(change: RowChange) -> Iterator[tuple[Step, datetime]]:
    was, row = change.before, change.after
    if not was:
        yield Step.ACCEPTED, datetime.fromisoformat(row["created_at"])
    if _arrives(change):
        if row.get("source") in ARRIVED:
            yield ARRIVED[Source(row["source"])], change.at
        if "media_key" in row:
            yield Step.STORED, change.at
    status = row["status"]
    if status != was.get("status"):
        yield from _turn(change, status)
    if (deleted_at := row.get("media_deleted_at")) and "media_deleted_at" not in was:
        yield Step.MEDIA_DELETED, datetime.fromisoformat(deleted_at)


def _arrives(change: RowChange) -> bool:
    """A job is written when its file is there; but one of a batch or of the intake before its turn comes, and once more,
    still queued, when it has."""
    was, row = change.before, change.after
    queued = JobStatus.QUEUED.value
    return was.get("status") == queued == row["status"] if row.keys() & {"batch", "door"} else not was


def _turn(change: RowChange, status: str) -> Iterator[tuple[Step, datetime]]:
    if status == JobStatus.PROCESSING:
        yield Step.PROCESSING, change.at
    elif status == JobStatus.DELETED:
        yield Step.DELETED, change.at
    elif status in ENDS and change.before.get("status") not in TERMINAL:
        document = json.loads(change.after["document"])
        yield ENDS[status], datetime.fromisoformat(document["completed_at"])
        if deleted_at := document.get("retention", {}).get("deleted_at"):  # of a file that was never stored
            yield Step.MEDIA_DELETED, datetime.fromisoformat(deleted_at)
