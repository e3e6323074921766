"""What the description says of detect calls and of reading a job, beside their results."""

from __future__ import annotations

from typing import Any

from forensics.web.detect_body import DetectBody
from forensics.web.schemas.jobs import FailedJob, PendingJob
from forensics.web.schemas.problem import problems
from forensics.web.schemas.result import Result

DETECT_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": PendingJob, "description": "Accepted; poll the job at Location"},
    **problems(400, 401, 403, 413, 415, 422, 500, 503),
}
JOB_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": Result | PendingJob | FailedJob, "description": "The job as it stands"},
    **problems(400, 401, 403, 404, 410, 500, 503),
}


def _detect_openapi() -> dict[str, Any]:
    body = DetectBody.model_json_schema()
    file = {
        "type": "string",
        "format": "binary",
        "description": "The file, at most 4 MiB; exactly one of file, media_url and upload_id",
    }
    form = {**body, "title": "DetectForm", "properties": {"file": file, **body["properties"]}}
    content = {"application/json": {"schema": body}, "multipart/form-data": {"schema": form}}
    prefer = {"name": "Prefer", "in": "header", "required": False, "schema": {"type": "string"}}
    prefer["description"] = "respond-async, wait=N (RFC 7240)"
    return {"requestBody": {"required": True, "content": content}, "parameters": [prefer]}


DETECT_OPENAPI = _detect_openapi()
