"""A tenant's jobs as a list: what is asked for, what each line says, and where the next page begins."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from forensics.domain.errors import FieldError, InvalidRequest
from forensics.domain.job import Job, JobStatus, timestamp

LISTED = (JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.COMPLETED, JobStatus.FAILED)
_CHECK_CHARS = 16


@dataclass(frozen=True)
class JobFilter:
    """Whose jobs, and which of them: None leaves a property open; `created_after` is exclusive."""

    tenant: str
    status: JobStatus | None = None
    media_type: str | None = None
    created_after: datetime | None = None


@dataclass(frozen=True)
class Position:
    """The last line of a page: the next one begins after it."""

    created_at: str
    job_id: str


@dataclass(frozen=True)
class JobPage:
    """Lines, newest first; `next` is None on the last page. A page may be short, or empty, and not be the last."""

    lines: tuple[Mapping[str, Any], ...]
    next: Position | None


def line(job: Job) -> dict[str, Any]:
    """Return what a list tells of a job."""
    document = job.document
    return {
        "job_id": job.job_id,
        "status": job.status.value,
        "media_type": job.media_type or None,
        "verdict": document.get("verdict"),
        "confidence": document.get("confidence"),
        "error_code": document["error"]["code"] if "error" in document else None,
        "external_id": job.options.external_id,
        "created_at": timestamp(job.created_at),
        "completed_at": document.get("completed_at"),
    }


def cursor_of(asked: JobFilter, position: Position) -> str:
    """Return the position as text that is good for the same tenant and filter alone.

    It opens nothing (the tenant of a query is the caller's, never the cursor's), so it is checked, not encrypted.
    """
    plain = [position.created_at, position.job_id, _check(asked, position)]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def position_of(asked: JobFilter, cursor: str) -> Position:
    """Return the position of a cursor; raises InvalidRequest when it was changed or belongs to another list."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created_at, job_id, check = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        position = Position(str(created_at), str(job_id))
    except (ValueError, TypeError, binascii.Error) as exc:
        raise _bad_cursor() from exc
    if check != _check(asked, position):
        raise _bad_cursor()
    return position


def _check(asked: JobFilter, position: Position) -> str:
    after = asked.created_after.isoformat() if asked.created_after else ""
    told = [asked.tenant, asked.status or "", asked.media_type or "", after, position.created_at, position.job_id]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:_CHECK_CHARS]


def _bad_cursor() -> InvalidRequest:
    detail = "not a cursor of this list: take next_cursor as it is, with the same filters"
    return InvalidRequest("The cursor is not valid.", errors=[FieldError("/query/cursor", detail)])
