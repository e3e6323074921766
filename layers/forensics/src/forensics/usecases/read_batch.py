"""How a batch stands, and the moment when its last job ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from forensics.domain.batch import batch_document
from forensics.domain.errors import NotFound
from forensics.domain.events import RowChange
from forensics.domain.job import JobStatus
from forensics.usecases.batch_rows import BatchRows

ENDED = tuple(status for status in JobStatus if status.terminal)


class JobLines(Protocol):
    def __call__(self, tenant: str, job_ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Return a line for each of the jobs that there are, in the order asked for."""
        ...


@dataclass(frozen=True)
class ReadBatch:
    rows: BatchRows
    lines: JobLines

    def __call__(self, tenant: str, batch_id: str) -> dict[str, Any]:
        """Return the batch's document; raises NotFound."""
        batch = self.rows.get(tenant, batch_id)
        if batch is None:
            raise NotFound("There is no such batch.")
        return batch_document(batch, self.lines(tenant, batch.job_ids))


@dataclass(frozen=True)
class CloseBatches:
    """Counts the ends of jobs in their batches from the job table's stream, so that no crash can forget one."""

    rows: BatchRows

    def __call__(self, changes: Iterable[RowChange]) -> None:
        for change in changes:
            was, row = change.before, change.after
            batch = row.get("batch") or was.get("batch")  # a tombstone has forgotten it
            if batch and "job_id" in row and row["status"] in ENDED and was.get("status") not in ENDED:
                self.rows.end_job(row["tenant"], batch, row["job_id"], JobStatus(row["status"]))
