"""A detection job: what was asked, where it stands, and the document a caller reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

RETAIN_PERIOD = timedelta(days=30)
DEFAULT_WAIT_S = 20  # a caller waits this long for a verdict before it becomes a job to ask for
PURGE_WITHIN = timedelta(seconds=60)  # the privacy promise: gone this long after the verdict at the latest


class JobStatus(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DELETED = "deleted"  # the row that says so is all that is left

    @property
    def terminal(self) -> bool:
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.DELETED)


@dataclass(frozen=True)
class DetectOptions:
    """What the caller may choose; the contract's request fields."""

    strict_mode: bool = False
    retain: bool = False
    explain: bool = False
    external_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    callback_url: str | None = field(default=None, repr=False)  # may carry a signature: never logged


@dataclass(frozen=True)
class DetectRequest:
    """One call: exactly one of `data` (the file's bytes), `media_url` and `upload_id`.

    `media_type` None means infer from the bytes. `job_id` is what the job is to be called, None for a new name; when `resumed` an
    earlier attempt of the same call may have made it. `month_quota` is how many detections the tenant may have in a month;
    a call that is not `live` came with a test key.
    """

    tenant: str
    request_id: str
    options: DetectOptions
    media_type: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_url: str | None = field(default=None, repr=False)  # may carry a signature: never logged
    upload_id: str | None = None
    respond_async: bool = False
    wait_s: float = DEFAULT_WAIT_S
    job_id: str | None = None
    resumed: bool = False
    month_quota: int | None = None
    live: bool = True


@dataclass(frozen=True)
class Job:
    """A job as stored; `document` is the JSON object that callers read, kept verbatim once terminal.

    `media_type` is empty until somebody has looked at the bytes of a batch's file.
    """

    tenant: str
    job_id: str
    status: JobStatus
    media_type: str
    options: DetectOptions
    request_id: str
    created_at: datetime
    media_key: str | None = None
    artifact_keys: Mapping[str, str] = field(default_factory=dict)  # by the artefact's name
    document: Mapping[str, Any] = field(default_factory=dict)
    batch_id: str | None = None
    source: str = ""  # where the file came from: domain/audit.py names the places
    door: str = ""  # what asked for it: empty for a call of the API

    def finished(
        self, status: JobStatus, document: Mapping[str, Any], *, artifact_keys: Mapping[str, str] | None = None
    ) -> Job:
        return replace(self, status=status, document=document, artifact_keys=artifact_keys or {})

    def deleted(self) -> Job:
        """Return what is kept of a deleted job: that there was one, of which medium, and when it began."""
        return Job(self.tenant, self.job_id, JobStatus.DELETED, self.media_type, DetectOptions(), "", self.created_at)


def media_key(tenant: str, job: str, *, retain: bool) -> str:
    """Return the S3 key of a job's media; the prefix carries the lifecycle rule."""
    return f"{'retained' if retain else 'media'}/{tenant}/{job}"


def artifact_key(tenant: str, job: str, file_name: str) -> str:
    return f"{artifact_prefix(tenant, job)}{file_name}"


def artifact_prefix(tenant: str, job: str) -> str:
    return f"artifacts/{tenant}/{job}/"


def work_prefix(tenant: str, job: str) -> str:
    """Return the prefix of what a job's workers tell each other; nothing under it outlives the job."""
    return f"work/{tenant}/{job}/"


def timestamp(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds, e.g. 2026-11-22T14:40:00.000Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
