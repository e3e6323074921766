"""Jobs that are not completed, and the answer of the health check."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from forensics.web.schemas.base import MediumName, Model
from forensics.web.schemas.problem import Problem
from forensics.web.schemas.result import Retention


class Links(Model):
    self: str


class PendingJob(Model):
    """A job that was accepted and is not finished."""

    job_id: str
    status: Literal["queued", "processing"]
    media_type: Annotated[MediumName | None, Field(description="Null when nobody has looked at the bytes yet")]
    created_at: datetime
    estimated_seconds: int
    links: Links
    verdict: None
    external_id: str | None
    metadata: dict[str, str]


class FailedJob(Model):
    """A job that ended without a verdict; `error` is the problem a synchronous call would have answered."""

    job_id: str
    status: Literal["failed"]
    media_type: Annotated[MediumName | None, Field(description="Null when nobody has looked at the bytes yet")]
    verdict: None
    error: Problem
    retention: Retention
    created_at: datetime
    completed_at: datetime
    request_id: str
    external_id: str | None
    metadata: dict[str, str]


class Health(Model):
    status: Literal["ok"]
    version: str
    region: str


class PartStatus(Model):
    name: Annotated[str, Field(description="image, audio, video, webhooks, events, intake or privacy")]
    status: Annotated[
        Literal["operational", "degraded", "unknown"],
        Field(description="unknown: nothing was measured yet, or its alarms cannot be read"),
    ]


class SystemStatus(Model):
    """How the installation does, as its own alarms have it."""

    status: Annotated[Literal["operational", "degraded"], Field(description="degraded when a part is")]
    components: list[PartStatus]
    checked_at: datetime
    version: str
    region: str
