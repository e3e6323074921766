"""The detect request: JSON or multipart to one validated dataclass."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.requests import Request

from forensics.domain.errors import FieldError, InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from forensics.domain.job import DetectOptions, DetectRequest
from forensics.web.context import Caller, api_path
from forensics.web.json_body import content_type, json_object, validated
from forensics.web.preferences import Preferences

MAX_INLINE_BYTES = 4 * 1024 * 1024  # what fits a synchronous Lambda call after base64
MAX_FIELD_BYTES = 64 * 1024
MultipartOrJson = Literal["multipart/form-data", "application/json"]

Url = Annotated[str, Field(min_length=1, max_length=2048, json_schema_extra={"format": "uri"})]
MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]


class DetectBody(BaseModel):
    """The fields of a detect request, besides the file itself."""

    model_config = ConfigDict(extra="forbid")

    media_url: Annotated[Url | None, Field(description="HTTPS URL of the file (public or signed)")] = None
    upload_id: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            description="The file of an answer of POST /v1/uploads; each serves one detection",
        ),
    ] = None
    media_type: Annotated[
        Literal["image", "audio", "video"] | None, Field(description="Inferred from the bytes when left out")
    ] = None
    strict_mode: Annotated[bool, Field(description="Lower thresholds: more recall, perhaps less precision")] = False
    retain: Annotated[
        bool, Field(description="Keep the file 30 days for audit; else purged within 60 s of the verdict")
    ] = False
    explain: Annotated[bool, Field(description="Also make what shows why, linked from `artifacts`")] = False
    callback_url: Annotated[
        Url | None, Field(description="HTTPS URL that the verdict is sent to, signed; the answer is then a 202")
    ] = None
    external_id: Annotated[str | None, Field(max_length=64)] = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] = {}

    def options(self) -> DetectOptions:
        return DetectOptions(
            strict_mode=self.strict_mode,
            retain=self.retain,
            explain=self.explain,
            external_id=self.external_id,
            metadata=self.metadata,
            callback_url=self.callback_url,
        )


async def read_detect_request(request: Request, caller: Caller, preferences: Preferences) -> DetectRequest:
    """Return the validated request; raises InvalidRequest with JSON pointers, PayloadTooLarge or UnsupportedMediaType."""
    fields, data = await _fields_and_file(request)
    is_json = content_type(request) == "application/json"  # a form has text alone: "true" is a boolean there
    body = validated(lambda: DetectBody.model_validate(fields, strict=is_json))
    if sum(source is not None for source in (data, body.media_url, body.upload_id)) != 1:
        raise InvalidRequest("Give exactly one of `file`, `media_url` and `upload_id`.")
    return DetectRequest(
        tenant=caller.tenant,
        request_id=caller.request_id,
        options=body.options(),
        media_type=body.media_type,
        data=data,
        media_url=body.media_url,
        upload_id=body.upload_id,
        respond_async=preferences.respond_async or body.callback_url is not None,
        wait_s=preferences.wait_s,
    )


async def _fields_and_file(request: Request) -> tuple[dict[str, Any], bytes | None]:
    kind = content_type(request)
    raw = await request.body()
    if len(raw) > MAX_INLINE_BYTES + MAX_FIELD_BYTES:
        raise _too_large(request)
    if not raw:
        raise InvalidRequest("The body is empty.")
    if kind == "multipart/form-data":
        return await _multipart(request)
    if kind == "application/json":
        return json_object(raw, pointer=""), None
    raise UnsupportedMediaType(
        "Send multipart/form-data or application/json.", headers={"Accept": "multipart/form-data, application/json"}
    )


async def _multipart(request: Request) -> tuple[dict[str, Any], bytes | None]:
    fields: dict[str, Any] = {}
    data: bytes | None = None
    async with request.form(max_files=1, max_fields=20, max_part_size=MAX_FIELD_BYTES) as form:
        for name, value in form.multi_items():
            if name in fields or (name == "file" and data is not None):
                raise InvalidRequest("A field is given twice.", errors=[FieldError(f"/{name}", "given twice")])
            if isinstance(value, UploadFile):
                if name != "file":
                    raise InvalidRequest(
                        "The file part is named `file`.", errors=[FieldError(f"/{name}", "not a file field")]
                    )
                data = await value.read()
            elif name == "file":
                raise InvalidRequest("The part `file` needs a file name.", errors=[FieldError("/file", "not a file")])
            else:
                fields[name] = json_object(value.encode(), pointer="/metadata") if name == "metadata" else value
    if data is not None and len(data) > MAX_INLINE_BYTES:
        raise _too_large(request)
    return fields, data


def _too_large(request: Request) -> PayloadTooLarge:
    limit = f"{MAX_INLINE_BYTES // 1024 // 1024} MiB"
    return PayloadTooLarge(
        f"A file sent inline may have at most {limit}; larger ones go by `upload_id` or `media_url`.",
        extensions={"upload_endpoint": api_path(request, "/uploads")},
    )
