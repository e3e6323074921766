"""The schemas of the bus are the code's, are what the registry takes, and hold for what is published."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, ValidationError  # type: ignore[import-untyped]

from forensics.domain.batch import completed_batch
from forensics.domain.errors import MediaCorrupt
from forensics.domain.events import SOURCE, Event, EventType, RowChange
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.result import failed_document
from forensics.usecases.publish_changes import batch_events, job_events
from forensics.web.event_schemas import BY_WEBHOOK, ON_THE_BUS, bus_schema
from forensics.web.openapi import openapi_document

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)
JOB = Job("acme", "job_euwest1_1", JobStatus.FAILED, "image", DetectOptions(external_id="o"), "r", NOW)
ROW = {
    "tenant": "acme",
    "job_id": JOB.job_id,
    "status": "queued",
    "media_type": "image",
    "options": json.dumps({"external_id": "o", "metadata": {}}),
}


def completed() -> dict[str, Any]:
    """The answer that the README shows."""
    (block,) = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    found: dict[str, Any] = json.loads(block)
    return found


def told(kind: str) -> Event:
    """An event of the type, as the outbox makes it of a change."""
    failed = failed_document(JOB, MediaCorrupt(), completed_at=NOW, deleted_at=None)
    ended = completed_batch("batch_1", {"completed": 2, "failed": 1}, created_at="t", completed_at="t")
    batch = {"tenant": "acme", "batch_id": "batch_1", "status": "completed", "completed_at": "t"}
    after = {
        "detection.completed": {**ROW, "status": "completed", "document": json.dumps(completed())},
        "detection.failed": {**ROW, "status": "failed", "document": json.dumps(failed)},
        "detection.deleted": {**ROW, "media_deleted_at": "2026-11-22T14:40:00.000Z"},
        "batch.completed": {**batch, "document": json.dumps(ended)},
    }[kind]
    change = RowChange({} if kind.startswith("batch") else ROW, after, NOW)
    (event,) = batch_events(change) if kind.startswith("batch") else job_events(change)
    return event


def on_the_bus(event: Event) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": event.type.value,
        "source": SOURCE,
        "account": "123456789012",
        "time": "2026-11-22T14:40:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": event.detail(),
    }


@pytest.mark.parametrize("kind", ON_THE_BUS)
def test_the_committed_schema_is_the_codes(kind: str) -> None:
    file = ROOT / "infra/schemas" / f"{SOURCE}@{kind}.json"
    assert json.loads(file.read_text(encoding="utf-8")) == bus_schema(kind), "run `make openapi`"
    Draft4Validator.check_schema(bus_schema(kind))


@pytest.mark.parametrize("kind", ON_THE_BUS)
def test_what_is_published_keeps_to_its_schema(kind: str) -> None:
    event = on_the_bus(told(kind))
    Draft4Validator(bus_schema(kind)).validate(event)
    BY_WEBHOOK[kind].model_validate_json(json.dumps(told(kind).body()).replace('"t"', '"2026-11-22T14:40:00.000Z"'))
    for broken in ({**event, "detail-type": "other"}, {**event, "detail": {**event["detail"], "more": 1}}):
        with pytest.raises(ValidationError):
            Draft4Validator(bus_schema(kind)).validate(broken)


def test_every_type_is_described_as_a_webhook() -> None:
    assert set(openapi_document()["webhooks"]) == set(BY_WEBHOOK) == {kind.value for kind in EventType}
