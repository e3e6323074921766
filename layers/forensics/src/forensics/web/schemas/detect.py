"""What the description says of detect calls and of reading a job, beside their results."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from forensics.web.detect_body import DetectBody
from forensics.web.schemas.jobs import FailedJob, PendingJob
from forensics.web.schemas.problem import problems
from forensics.web.schemas.result import Result

DETECT_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": PendingJob, "description": "Accepted; poll the job at Location"},
    **problems(400, 401, 403, 413, 415, 422, 500, 503),
}
JOB_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The job as it stands"},
    304: {"description": "As If-None-Match knows it; no body"},
    **problems(400, 401, 403, 404, 410, 500, 503),
}
JobAnswer = Annotated[Result | PendingJob | FailedJob, Field(discriminator="status")]


def one_of(*sources: str) -> list[Any]:  # JSON
    """Return JSON Schema's way to say that exactly one of these members is given, where null is as good as none."""
    return [{"required": [name], "properties": {name: {"type": "string"}}} for name in sources]


def detect_openapi(medium: str | None = None) -> dict[str, Any]:
    """Return the request of a detect path; on the path of a medium, `media_type` may say nothing else."""
    body = {**DetectBody.model_json_schema(), "oneOf": one_of("media_url", "upload_id")}
    if medium is not None:
        said = body["properties"]["media_type"]
        said["anyOf"] = [{"type": "string", "enum": [medium]}, {"type": "null"}]
    file = {
        "type": "string",
        "format": "binary",
        "minLength": 1,
        "description": "The file, at most 4 MiB; exactly one of file, media_url and upload_id",
    }
    fields = {name: _without_null(field) for name, field in body["properties"].items()}
    form = {**body, "title": "DetectForm", "properties": {"file": file, **fields}}
    form["oneOf"] = [{"required": [name]} for name in ("file", "media_url", "upload_id")]
    content = {"application/json": {"schema": body}, "multipart/form-data": {"schema": form}}
    prefer = {"name": "Prefer", "in": "header", "required": False, "schema": {"type": "string"}}
    prefer["description"] = "respond-async, wait=N (RFC 7240)"
    return {"requestBody": {"required": True, "content": content}, "parameters": [prefer]}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema for a form, which has no null: what is not there is left out."""
    told = {name: value for name, value in field.items() if not (name == "default" and value is None)}
    (kind,) = [kind for kind in told.pop("anyOf", [{}]) if kind.get("type") != "null"]
    return {**kind, **told}
