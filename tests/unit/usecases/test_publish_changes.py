"""What a change of a row means, and that nothing else does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from forensics.domain.events import Event, EventType, RowChange
from forensics.store.changes import row_changes
from forensics.usecases.publish_changes import PublishChanges

AT = datetime(2026, 11, 22, 14, 41, tzinfo=UTC)
JOB_ID = "job_euwest1_01ARZ3NDEKTSV4RRFFQ69G5FAV"
OPTIONS = json.dumps({"external_id": "order-7", "metadata": {"desk": "news"}, "callback_url": "https://x.example/?t=1"})
QUEUED = {"tenant": "acme", "job_id": JOB_ID, "status": "queued", "media_type": "image", "options": OPTIONS}
DOCUMENT = {"job_id": JOB_ID, "status": "completed", "completed_at": "2026-11-22T14:40:00.000Z"}
ENDED = {**QUEUED, "status": "completed", "document": json.dumps(DOCUMENT)}
PURGED = {**ENDED, "media_deleted_at": "2026-11-22T14:40:01.000Z"}
BURIED = {**QUEUED, "status": "deleted", "options": "{}"}


@dataclass
class Bus:
    events: list[Event] = field(default_factory=list)

    def publish(self, events: Sequence[Event]) -> None:
        self.events += events


def told(before: dict[str, str], after: dict[str, str], *, region: str = "eu-west-1") -> list[Event]:
    bus = Bus()
    assert PublishChanges(bus, region)([RowChange(before, after, AT)]) == len(bus.events)
    return bus.events


@pytest.mark.parametrize("before", [{}, QUEUED, {**QUEUED, "status": "processing"}])
def test_the_end_of_a_job_is_told_with_its_document(before: dict[str, str]) -> None:
    (event,) = told(before, ENDED)
    assert (event.type, event.tenant, event.data) == (EventType.DETECTION_COMPLETED, "acme", DOCUMENT)
    assert event.timestamp == DOCUMENT["completed_at"]
    failed = {**ENDED, "status": "failed"}
    assert [e.type for e in told(before, failed)] == [EventType.DETECTION_FAILED]


def test_the_deletion_of_the_media_is_told_once_with_its_receipt() -> None:
    (event,) = told(ENDED, PURGED)
    assert event.type is EventType.DETECTION_DELETED
    assert event.data == {
        "job_id": JOB_ID,
        "media_type": "image",
        "deleted": "media",
        "deleted_at": "2026-11-22T14:40:01.000Z",
        "external_id": "order-7",
        "metadata": {"desk": "news"},
    }
    assert told(PURGED, {**PURGED, "request_id": "other"}) == []


@pytest.mark.parametrize("before", [QUEUED, ENDED, PURGED])
def test_a_tombstone_is_told_by_what_it_was(before: dict[str, str]) -> None:
    (event,) = told(before, BURIED)
    assert (event.type, event.data["deleted"], event.data["external_id"]) == (
        EventType.DETECTION_DELETED,
        "job",
        "order-7",
    )
    assert event.data["deleted_at"] == "2026-11-22T14:41:00.000Z"
    assert event.event_id not in {e.event_id for e in told(ENDED, PURGED)}
    assert told(BURIED, {**BURIED, "media_deleted_at": "2026-11-22T14:42:00.000Z"}) == []


@pytest.mark.parametrize(
    ("before", "after"), [({}, QUEUED), (QUEUED, {**QUEUED, "status": "processing"}), (ENDED, ENDED)]
)
def test_nothing_else_is_told(before: dict[str, str], after: dict[str, str]) -> None:
    assert told(before, after) == []


def test_a_change_that_is_read_twice_is_one_event() -> None:
    assert [e.event_id for e in told(QUEUED, ENDED)] == [e.event_id for e in told(QUEUED, ENDED)]


def test_another_regions_job_is_told_by_that_region() -> None:
    assert told(QUEUED, ENDED, region="us-east-1") == []


def test_no_event_holds_the_callers_url() -> None:
    changes = [(QUEUED, ENDED), (ENDED, PURGED), (ENDED, BURIED)]
    assert "x.example" not in json.dumps([e.detail() for before, after in changes for e in told(before, after)])


def test_records_of_the_stream_become_rows() -> None:
    def image(row: dict[str, str]) -> dict[str, Any]:
        return {**{name: {"S": value} for name, value in row.items()}, "expires_at": {"N": "17"}, "set": {"SS": ["a"]}}

    at = {"ApproximateCreationDateTime": AT.timestamp()}
    records = [
        {"eventName": "MODIFY", "dynamodb": {**at, "OldImage": image(QUEUED), "NewImage": image(ENDED)}},
        {"eventName": "INSERT", "dynamodb": {**at, "NewImage": image(ENDED)}},
        {"eventName": "REMOVE", "dynamodb": {**at, "OldImage": image(ENDED)}},
    ]
    expires = {"expires_at": "17"}
    assert list(row_changes(records)) == [
        RowChange({**QUEUED, **expires}, {**ENDED, **expires}, AT),
        RowChange({}, {**ENDED, **expires}, AT),
    ]
