"""POST /v1/uploads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.job import timestamp
from forensics.domain.upload import Upload, UploadForm
from forensics.web.context import caller
from forensics.web.json_body import read_json_body
from forensics.web.schemas import problems

MEDIA = ("image", "audio", "video")


def _integer(value: object) -> object:
    """Take 1.0 for 1, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class UploadBody(BaseModel):
    """What is said of a file before it is uploaded; the form holds the caller to it."""

    model_config = ConfigDict(extra="forbid")

    filename: Annotated[str | None, Field(max_length=255, description="Neither stored nor logged")] = None
    content_type: Annotated[
        str,
        Field(
            max_length=127,
            pattern=r"^(image|audio|video|application)/[\w.+-]+$",
            description="Tells how large the file may be; the bytes alone tell what it is",
        ),
    ]
    size: Annotated[int, Field(ge=1, description="Bytes"), BeforeValidator(_integer)]
    sha256: Annotated[
        str | None, Field(pattern="^[0-9a-f]{64}$", description="Hex; the upload of other bytes is refused")
    ] = None


class UploadAnswer(BaseModel):
    """Where to post the file, as multipart/form-data: every member of `fields` first, then the part `file`."""

    model_config = ConfigDict(extra="forbid")

    upload_id: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: Annotated[datetime, Field(description="Until then the file is put and its detection asked for")]


class MadeUpload(Protocol):
    @property
    def upload(self) -> Upload: ...

    @property
    def form(self) -> UploadForm: ...


class MakeUpload(Protocol):
    def __call__(self, tenant: str, *, medium: str | None, size: int, sha256: str | None = None) -> MadeUpload: ...


def upload_router(create: MakeUpload) -> APIRouter:
    """Return the route; `create` raises PayloadTooLarge."""
    router = APIRouter(tags=["uploads"])

    async def endpoint(request: Request) -> Response:
        who = caller(request).need("detect")
        body = await read_json_body(request, UploadBody)
        kind = body.content_type.partition("/")[0]
        made = create(who.tenant, medium=kind if kind in MEDIA else None, size=body.size, sha256=body.sha256)
        return JSONResponse(_answer(made), 201)

    router.add_api_route(
        "/uploads",
        endpoint,
        methods=["POST"],
        operation_id="create_upload",
        summary="Make a place for a file of up to 500 MB, to be detected by its `upload_id`",
        status_code=201,
        response_model=UploadAnswer,
        responses=problems(400, 401, 403, 413, 415, 500, 503),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": UploadBody.model_json_schema()}},
            }
        },
    )
    return router


def _answer(made: MadeUpload) -> Mapping[str, Any]:
    return {
        "upload_id": made.upload.upload_id,
        "url": made.form.url,
        "fields": dict(made.form.fields),
        "max_bytes": made.upload.max_bytes,
        "expires_at": timestamp(made.upload.expires_at),
    }
