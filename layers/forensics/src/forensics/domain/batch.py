"""A batch: up to a hundred detections asked for at once, and what is told of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from forensics.domain.job import DetectOptions, JobStatus, timestamp

MAX_ITEMS = 100


@dataclass(frozen=True)
class BatchItem:
    """One file of a batch: exactly one of `media_url` and `upload_id`; `media_type` None means infer from the bytes."""

    options: DetectOptions
    media_url: str | None = field(default=None, repr=False)  # may carry a signature: never stored or logged
    upload_id: str | None = None
    media_type: str | None = None


@dataclass(frozen=True)
class BatchRequest:
    """One call; `job_id`, `resumed`, `month_quota` and `live` are those of DetectRequest."""

    tenant: str
    request_id: str
    items: tuple[BatchItem, ...]
    job_id: str | None = None
    resumed: bool = False
    month_quota: int | None = None
    live: bool = True


@dataclass(frozen=True)
class Batch:
    """A batch as stored; how its jobs stand is asked of the jobs. `accepted` once all of them are on their way."""

    tenant: str
    batch_id: str
    job_ids: tuple[str, ...]
    created_at: datetime
    completed_at: str | None = None
    accepted: bool = False


def batch_id_of(job_id: str) -> str:
    """Return the batch's id from that which its jobs' ids are made of."""
    return f"batch_{job_id.removeprefix('job_')}"


def batch_document(batch: Batch, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is answered of a batch: its jobs in the order of its items, and how many stand where."""
    statuses = [line["status"] for line in lines]
    return {
        "batch_id": batch.batch_id,
        "status": "completed" if batch.completed_at else "processing",
        "total": len(batch.job_ids),
        "counts": {status.value: statuses.count(status.value) for status in JobStatus},
        "jobs": [dict(line) for line in lines],
        "created_at": timestamp(batch.created_at),
        "completed_at": batch.completed_at,
    }


def completed_batch(batch_id: str, ended: Mapping[str, int], *, created_at: str, completed_at: str) -> dict[str, Any]:
    """Return what the event batch.completed tells."""
    return {
        "batch_id": batch_id,
        "status": "completed",
        "total": sum(ended.values()),
        "counts": dict(ended),
        "created_at": created_at,
        "completed_at": completed_at,
    }
