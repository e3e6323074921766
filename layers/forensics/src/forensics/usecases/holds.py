"""retain=true: a file is held for thirty days to the second, by a schedule that the job table's stream asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from forensics.domain.events import RowChange
from forensics.domain.ids import lives_in
from forensics.domain.job import RETAIN_PERIOD, JobStatus


class Schedules(Protocol):
    """Messages to the purge queue at a time of their own, by name."""

    def set(self, name: str, message: Mapping[str, object], *, at: datetime) -> None:
        """Ask for the message; asking again under the same name changes nothing."""
        ...

    def cancel(self, name: str) -> None:
        """Harmless when there is none."""
        ...


@dataclass(frozen=True)
class KeepHolds:
    """Sets a hold's end when its job appears, and takes it back when the file is gone before; told twice, it changes nothing."""

    schedules: Schedules
    region: str

    def __call__(self, changes: Iterable[RowChange]) -> None:
        for change in changes:
            if "job_id" in change.after and lives_in(change.after["job_id"], self.region):
                self._keep(change)

    def _keep(self, change: RowChange) -> None:
        was, row = change.before, change.after
        name = hold_name(row["job_id"])
        if holds(row) and not holds(was):
            message = {"tenant": row["tenant"], "job_id": row["job_id"], "purge": row["media_key"]}
            self.schedules.set(name, message, at=datetime.fromisoformat(row["created_at"]) + RETAIN_PERIOD)
        elif holds(was) and not holds(row):
            self.schedules.cancel(name)


def hold_name(job_id: str) -> str:
    return f"hold-{job_id}"


def holds(row: Mapping[str, str]) -> bool:
    """Say whether a job's row has a file that is to be kept."""
    if "media_key" not in row or "media_deleted_at" in row or row["status"] == JobStatus.DELETED:
        return False
    return bool(json.loads(row["options"])["retain"])
