"""What the system tells others: five types of event, one envelope, and ids that stay the same when an event is told twice."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

SOURCE = "deepfake-detection"  # of every event on the bus
MAX_DATA_BYTES = 180_000  # as JSON; the bus and the queues take 256 KiB with everything around it
SHORTENED = "This event was too large: lists were left out of it. The job has them."
_ID_BYTES = 16
_LONG_MEMBERS: dict[str, Any] = {  # given up in this order, and what is left of each
    "regions": [],
    "flagged_segments": [],
    "signal_details": [],
    "provenance": {
        "c2pa": None,
        "digital_source_type": None,
        "watermark": None,
        "metadata": None,
        "evidence": [],
    },
    "jobs": [],
}


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


Row = Mapping[str, str]


@dataclass(frozen=True)
class RowChange:
    """A table's row before and after a write at a time, its attributes as text; `before` is empty for a new row."""

    before: Row
    after: Row
    at: datetime


def event_id(kind: EventType, tenant: str, subject: str, *, part: str = "") -> str:
    """Return `evt_` and 26 characters that depend on nothing but the arguments, so that a repeated event is recognised.

    `subject` is the job's or batch's id; `part` tells two events of one type and subject apart.
    """
    digest = hashlib.sha256("\n".join((kind.value, tenant, subject, part)).encode()).digest()
    return "evt_" + base64.b32encode(digest[:_ID_BYTES]).decode().rstrip("=").lower()


def fitted(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data with its long members emptied, one by one, until the event fits; a warning says so."""
    fits = dict(data)
    for name, left in _LONG_MEMBERS.items():
        if len(json.dumps(fits)) <= MAX_DATA_BYTES:
            break
        if name in fits:
            fits |= {name: left, "warnings": [*data.get("warnings", []), SHORTENED]}
    return fits
