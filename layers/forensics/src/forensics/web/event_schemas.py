"""What events carry, as models: they make the OpenAPI document's `webhooks` and the bus's schemas.

`python -m forensics.web.event_schemas infra/schemas` writes one JSON Schema (draft 4, as EventBridge's registry takes it) for each
type of event on the bus, named `<source>@<detail-type>.json` as the registry names what it discovers.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from forensics.domain.events import SOURCE
from forensics.web.schemas import FailedJob, Result

DRAFT_4 = "http://json-schema.org/draft-04/schema#"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeletedData(_Model):
    """`media`: the file, after the verdict, with the time as receipt; `job`: everything, because its caller said so."""

    job_id: str
    media_type: Literal["image", "audio", "video"]
    deleted: Literal["media", "job"]
    deleted_at: datetime
    external_id: str | None
    metadata: dict[str, str]


class BatchData(_Model):
    """Every job of the batch has ended; `counts` by how."""

    batch_id: str
    status: Literal["completed"]
    total: int
    counts: dict[str, int]
    created_at: datetime
    completed_at: datetime


class PingData(_Model):
    endpoint_id: str


class _Event(_Model):
    timestamp: datetime


class DetectionCompleted(_Event):
    """A verdict; `artifacts` is empty here, because its links would be old before they were read."""

    type: Literal["detection.completed"]
    data: Result


class DetectionFailed(_Event):
    """A job that ended without a verdict."""

    type: Literal["detection.failed"]
    data: FailedJob


class DetectionDeleted(_Event):
    """A stored file, or a whole job, is gone."""

    type: Literal["detection.deleted"]
    data: DeletedData


class BatchCompleted(_Event):
    """The last job of a batch has ended."""

    type: Literal["batch.completed"]
    data: BatchData


class WebhookPing(_Event):
    """Sent when it is asked for, to one endpoint and never to the bus."""

    type: Literal["webhook.ping"]
    data: PingData


ON_THE_BUS: dict[str, type[_Event]] = {
    "detection.completed": DetectionCompleted,
    "detection.failed": DetectionFailed,
    "detection.deleted": DetectionDeleted,
    "batch.completed": BatchCompleted,
}
BY_WEBHOOK: dict[str, type[_Event]] = {**ON_THE_BUS, "webhook.ping": WebhookPing}


class _Envelope(BaseModel):
    """An event as EventBridge delivers it."""

    version: str
    id: str
    source: Annotated[str, Field(pattern=f"^{SOURCE}$")]
    account: str
    time: datetime
    region: str
    resources: list[str]


def bus_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema, draft 4, of a type's whole event on the bus."""
    model = ON_THE_BUS[kind]
    detail = create_model(f"{model.__name__}Detail", __base__=model, id=(str, ...), tenant=(str, ...))
    envelope = create_model(
        f"{model.__name__}Event",
        __base__=_Envelope,
        detail_type=(Literal[kind], Field(alias="detail-type")),
        detail=(detail, ...),
    )
    found = envelope.model_json_schema(ref_template="#/definitions/{model}", mode="serialization", by_alias=True)
    return {"$schema": DRAFT_4, **draft_4({**found, "definitions": found.pop("$defs")})}


def webhooks_document(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAPI's `webhooks`, and add what they refer to to the document's schemas."""
    return {kind: {"post": _webhook(kind, model, schemas)} for kind, model in BY_WEBHOOK.items()}


def _webhook(kind: str, model: type[_Event], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, definition in {**schema.pop("$defs"), model.__name__: schema}.items():
        schemas.setdefault(name, definition)
    headers = {
        "webhook-id": "The event's id, the same on every attempt and replay: remember it, events may come twice",
        "webhook-timestamp": "When this attempt was made, in seconds since the epoch",
        "webhook-signature": "Space-separated `v1,<base64>`: HMAC-SHA256 of `id.timestamp.body`",
    }
    return {
        "operationId": kind.replace(".", "_"),
        "summary": (model.__doc__ or "").split(";")[0].rstrip("."),
        "tags": ["webhooks"],
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": text}
            for name, text in headers.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}},
        },
        "responses": {
            "2XX": {"description": "Delivered"},
            "410": {"description": "Gone: nothing more is sent to this endpoint"},
            "default": {"description": "Tried again by the schedule, `Retry-After` honoured"},
        },
        "security": [],
    }


def draft_4(node: Any) -> Any:
    """Say what draft 4 has no word for in its own: `const` is an `enum` of one."""
    if isinstance(node, list):
        return [draft_4(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {name: draft_4(value) for name, value in node.items()}
    if "const" in plain and not isinstance(plain["const"], dict):
        plain["enum"] = [plain.pop("const")]
    return plain


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ON_THE_BUS:
        text = json.dumps(bus_schema(kind), indent=2, ensure_ascii=False) + "\n"
        (folder / f"{SOURCE}@{kind}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
