"""The audit: what happened to a job and its file, one entry for each step; ids, times and functions, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

AUDIT_PERIOD = timedelta(days=400)  # a year and a month: longer than results and held files are kept


class Step(StrEnum):
    """What can happen once to a job or an upload, in the order of a job's life."""

    ACCEPTED = "accepted"
    RECEIVED = "received"  # the file came with the call
    FETCHED = "fetched"  # from the caller's media_url
    UPLOADED = "uploaded"  # taken from the caller's upload
    DROPPED = "dropped"  # taken from the tenant's drop folder
    STORED = "stored"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    MEDIA_DELETED = "media_deleted"
    DELETED = "deleted"  # the job itself, by its owner
    SWEPT = "swept"  # something that should have been gone was found and deleted


STEPS = tuple(Step)


class Source(StrEnum):
    """Where a job's file came from."""

    FILE = "file"
    URL = "url"
    UPLOAD = "upload"
    DROP = "drop"


ARRIVED = {
    Source.FILE: Step.RECEIVED,
    Source.URL: Step.FETCHED,
    Source.UPLOAD: Step.UPLOADED,
    Source.DROP: Step.DROPPED,
}


@dataclass(frozen=True)
class AuditEntry:
    """One step; `subject` is the job's or the upload's id, `function` the name of what did it, empty when it is not known."""

    subject: str
    step: Step
    tenant: str
    at: datetime
    function: str = ""


def in_order(entries: list[AuditEntry]) -> list[AuditEntry]:
    """Return the entries in the order of a job's life: some times are a stream's, in whole seconds, and would misplace them."""
    return sorted(entries, key=lambda entry: STEPS.index(entry.step))
