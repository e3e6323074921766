"""The outbox: what the tables' streams say has changed becomes events on the bus."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forensics.domain.events import Event, EventType, Row, RowChange, event_id, fitted
from forensics.domain.ids import lives_in
from forensics.domain.job import JobStatus, timestamp
from forensics.usecases.ports import Events

ENDED = {
    JobStatus.COMPLETED.value: EventType.DETECTION_COMPLETED,
    JobStatus.FAILED.value: EventType.DETECTION_FAILED,
}
TOMBSTONE = JobStatus.DELETED.value


@dataclass(frozen=True)
class PublishChanges:
    """Puts the events of a batch of changes on the bus; told twice, they carry the same ids."""

    events: Events
    region: str

    def __call__(self, changes: Iterable[RowChange]) -> int:
        """Return how many events were published; raises when the bus did not take all of them."""
        found = [event for change in changes for event in self._events_of(change)]
        if found:
            self.events.publish(found)
        return len(found)

    def _events_of(self, change: RowChange) -> Iterator[Event]:
        if "batch_id" in change.after:
            yield from batch_events(change)
        elif lives_in(change.after["job_id"], self.region):
            yield from job_events(change)


def job_events(change: RowChange) -> Iterator[Event]:
    """Yield what a change of a job's row means: its end, the deletion of its media, its own deletion."""
    was, row = change.before, change.after
    status = row["status"]
    if status in ENDED and was.get("status") not in (*ENDED, TOMBSTONE):
        document = json.loads(row["document"])
        yield _job_event(ENDED[status], row, document["completed_at"], fitted(document))
    if status == TOMBSTONE:
        if was.get("status") != TOMBSTONE:
            yield _deletion(was, part="job", at=timestamp(change.at))  # the tombstone itself has forgotten what it was
    elif "media_deleted_at" in row and "media_deleted_at" not in was:
        yield _deletion(row, part="media", at=row["media_deleted_at"])


def batch_events(change: RowChange) -> Iterator[Event]:
    """Yield batch.completed when the batch's row says so for the first time."""
    was, row = change.before, change.after
    if row.get("status") == "completed" and was.get("status") != "completed":
        data = json.loads(row["document"])
        kind = EventType.BATCH_COMPLETED
        yield Event(
            event_id(kind, row["tenant"], row["batch_id"]), kind, row["tenant"], row["completed_at"], fitted(data)
        )


def _deletion(row: Row, *, part: str, at: str) -> Event:
    echoed = json.loads(row["options"])
    data = {
        "job_id": row["job_id"],
        "media_type": row["media_type"],
        "deleted": part,
        "deleted_at": at,
        "external_id": echoed["external_id"],
        "metadata": echoed["metadata"],
    }
    return _job_event(EventType.DETECTION_DELETED, row, at, data, part=part)


def _job_event(kind: EventType, row: Row, at: str, data: Mapping[str, Any], *, part: str = "") -> Event:
    return Event(event_id(kind, row["tenant"], row["job_id"], part=part), kind, row["tenant"], at, data)
