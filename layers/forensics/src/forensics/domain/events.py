"""What the system tells others: five types of event, one envelope, and ids that stay the same when an event is told twice."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SOURCE = "deepfake-detection"  # of every event on the bus
_ID_BYTES = 16


class EventType(StrEnum):
    DETECTION_COMPLETED = "detection.completed"
    DETECTION_FAILED = "detection.failed"
    DETECTION_DELETED = "detection.deleted"
    BATCH_COMPLETED = "batch.completed"
    WEBHOOK_PING = "webhook.ping"


@dataclass(frozen=True)
class Event:
    """One event; `timestamp` is RFC 3339 in UTC with milliseconds, `data` is what a webhook's body carries."""

    event_id: str
    type: EventType
    tenant: str
    timestamp: str
    data: Mapping[str, Any]

    def detail(self) -> dict[str, Any]:
        """Return the event's detail on the bus: the webhook's body, and whom it is for."""
        return {"id": self.event_id, "tenant": self.tenant, **self.body()}

    def body(self) -> dict[str, Any]:
        """Return the webhook's JSON object."""
        return {"type": self.type.value, "timestamp": self.timestamp, "data": dict(self.data)}

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> Event:
        """Return the event of a detail; raises KeyError or ValueError for what is none."""
        kind = EventType(detail["type"])
        return cls(detail["id"], kind, detail["tenant"], detail["timestamp"], detail["data"])


def event_id(kind: EventType, tenant: str, subject: str, *, part: str = "") -> str:
    """Return `evt_` and 26 characters that depend on nothing but the arguments, so that a repeated event is recognised.

    `subject` is the job's or batch's id; `part` tells two events of one type and subject apart.
    """
    digest = hashlib.sha256("\n".join((kind.value, tenant, subject, part)).encode()).digest()
    return "evt_" + base64.b32encode(digest[:_ID_BYTES]).decode().rstrip("=").lower()
