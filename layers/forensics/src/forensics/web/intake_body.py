"""A message of another system: the fields of a detect request, whom it is for, and the JSON Schemas that say so.

`python -m forensics.web.intake_body infra/schemas` writes the schema of a message and that of the event that asks for the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from forensics.domain.errors import FieldError, InvalidRequest
from forensics.domain.events import SOURCE
from forensics.domain.intake import REQUESTED, Drop, IntakeItem, named_prefix
from forensics.domain.job import DetectOptions
from forensics.web.detect_body import DetectBody, MetadataKey, MetadataValue
from forensics.web.event_schemas import DRAFT_4, draft_4
from forensics.web.json_body import validated

MESSAGE = "intake.message"
SOURCES = ("media_url", "upload_id", "key")
_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=64)])
_METADATA: TypeAdapter[dict[str, str]] = TypeAdapter(Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)])


class IntakeMessage(DetectBody):
    """One detection, asked for by a message or an event: exactly one of `media_url`, `upload_id` and `key`."""

    tenant: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,128}$", description="Whose job it becomes")]
    key: Annotated[
        str | None, Field(max_length=1024, description="A file of this bucket, `intake/<tenant>/named/<path>`")
    ] = None
    idempotency_key: Annotated[
        str | None,
        Field(min_length=1, max_length=255, description="For 24 hours: one job; the message's id when left out"),
    ] = None
    test: Annotated[bool, Field(description="Answered from a script and not billed, as for a test key")] = False


class _RequestEvent(BaseModel):
    """An event that asks for a detection, as EventBridge delivers it."""

    model_config = ConfigDict(title="DetectionRequestedEvent")

    version: str
    id: str
    source: Annotated[str, Field(description=f"Your system's name: not `{SOURCE}`, whose events are answers")]
    account: str
    time: str
    region: str
    resources: list[str]


def read_fields(fields: Mapping[str, Any], *, tenant: str) -> IntakeItem:
    """Return what the fields ask for; raises InvalidRequest with JSON pointers."""
    body = validated(lambda: IntakeMessage.model_validate(dict(fields), strict=True))
    if sum(getattr(body, source) is not None for source in SOURCES) != 1:
        raise InvalidRequest("Give exactly one of `media_url`, `upload_id` and `key`.")
    if body.key is not None and not body.key.startswith(named_prefix(tenant)):
        fault = FieldError("/key", f"not below {named_prefix(tenant)}")
        raise InvalidRequest("Some fields are not valid.", errors=[fault])
    return IntakeItem(
        options=body.options(),
        media_type=body.media_type,
        media_url=body.media_url,
        upload_id=body.upload_id,
        drop=None if body.key is None else Drop(body.key),
        idempotency_key=body.idempotency_key,
        test=body.test,
    )


def salvage(fields: Mapping[str, Any]) -> IntakeItem:
    """Return what the sender knows a request by, of fields that are not valid."""
    external_id = _valid(_EXTERNAL_ID, fields.get("external_id"))
    return IntakeItem(DetectOptions(external_id=external_id, metadata=_valid(_METADATA, fields.get("metadata")) or {}))


def _valid(kind: TypeAdapter[Any], value: object) -> Any:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas, draft 4, by name: a message, and the whole event of `detection.requested`."""
    event = create_model(
        "DetectionRequestedEvent",
        __base__=_RequestEvent,
        detail_type=(Literal[REQUESTED], Field(alias="detail-type")),
        detail=(IntakeMessage, ...),
    )
    return {f"{SOURCE}@{MESSAGE}": _schema(IntakeMessage), f"intake@{REQUESTED}": _schema(event)}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    found = model.model_json_schema(ref_template="#/definitions/{model}")
    if "$defs" in found:
        found["definitions"] = found.pop("$defs")
    message = found.get("definitions", {}).get("IntakeMessage", found)
    message["oneOf"] = [{"required": [source]} for source in SOURCES]
    return {"$schema": DRAFT_4, **draft_4(found)}


def main() -> None:
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (Path(sys.argv[1]) / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
