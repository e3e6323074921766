"""POST /v1/batches and GET /v1/batches/{batch_id}."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.batch import MAX_ITEMS, BatchItem, BatchRequest
from forensics.domain.errors import FieldError, InvalidRequest, NotFound
from forensics.domain.job import DetectOptions
from forensics.web.context import account_of, api_path, caller
from forensics.web.detect_body import MetadataKey, MetadataValue, Url
from forensics.web.idempotency import attempt_of
from forensics.web.job_list_routes import JobLine
from forensics.web.job_routes import MAX_JOB_ID_CHARS
from forensics.web.json_body import read_json_body
from forensics.web.schemas import Links, MediumName, one_of, problems

MAX_BODY_BYTES = 1 << 20
RETRY_AFTER_S = "5"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BatchItemBody(_Model):
    """One file: exactly one of `media_url` and `upload_id`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": one_of("media_url", "upload_id")})

    media_url: Url | None = None
    upload_id: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    media_type: Annotated[MediumName | None, Field(description="Inferred from the bytes when left out")] = None
    external_id: Annotated[str | None, Field(max_length=64)] = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] = {}


class BatchBody(_Model):
    """Files, and the options that hold for all of them."""

    items: Annotated[list[BatchItemBody], Field(min_length=1, max_length=MAX_ITEMS)]
    strict_mode: bool = False
    retain: bool = False
    explain: bool = False
    callback_url: Annotated[Url | None, Field(description="Each job's verdict is sent to it")] = None

    def asked(self) -> tuple[BatchItem, ...]:
        """Return the items with their options; raises InvalidRequest for one with no file or two."""
        wrong = [i for i, item in enumerate(self.items) if (item.media_url is None) == (item.upload_id is None)]
        if wrong:
            errors = [FieldError(f"/items/{i}", "give exactly one of media_url and upload_id") for i in wrong]
            raise InvalidRequest("Some items are not valid.", errors=errors)
        return tuple(
            BatchItem(self._options(item), item.media_url, item.upload_id, item.media_type) for item in self.items
        )

    def _options(self, item: BatchItemBody) -> DetectOptions:
        return DetectOptions(
            strict_mode=self.strict_mode,
            retain=self.retain,
            explain=self.explain,
            external_id=item.external_id,
            metadata=item.metadata,
            callback_url=self.callback_url,
        )


class BatchJob(JobLine):
    """One job of a batch; a deleted one still counts."""

    status: Literal["queued", "processing", "completed", "failed", "deleted"]  # type: ignore[assignment]


class BatchCounts(_Model):
    queued: int
    processing: int
    completed: int
    failed: int
    deleted: int


class BatchAnswer(_Model):
    """A batch is completed when the last of its jobs has ended, however it did."""

    batch_id: str
    status: Literal["processing", "completed"]
    total: int
    counts: BatchCounts
    jobs: Annotated[list[BatchJob], Field(description="In the order of the items")]
    created_at: datetime
    completed_at: datetime | None
    links: Links


class MakeBatch(Protocol):
    def __call__(self, request: BatchRequest) -> Mapping[str, Any]: ...


class ShowBatch(Protocol):
    def __call__(self, tenant: str, batch_id: str) -> Mapping[str, Any]: ...


def batch_router(create: MakeBatch, read: ShowBatch) -> APIRouter:
    """Return both routes; `create` raises QuotaExceeded and MediaUrlForbidden, `read` NotFound."""
    router = APIRouter(tags=["batches"])

    async def post(request: Request) -> Response:
        who = caller(request).need("detect")
        body = await read_json_body(request, BatchBody, max_bytes=MAX_BODY_BYTES)
        document = create(_counted(request, BatchRequest(who.tenant, who.request_id, body.asked())))
        answer = _linked(request, document)
        headers = {"Location": answer["links"]["self"], "Retry-After": RETRY_AFTER_S}
        return JSONResponse(answer, 202, headers=headers)

    async def get(
        request: Request, batch_id: Annotated[str, Path(description="The id of POST /v1/batches")]
    ) -> Response:
        who = caller(request).need("jobs")
        if len(batch_id) > MAX_JOB_ID_CHARS or not batch_id.isascii() or not batch_id.isprintable():
            raise NotFound("There is no such batch.")
        return JSONResponse(_linked(request, read(who.tenant, batch_id)))

    schema = BatchBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    router.add_api_route(
        "/batches",
        post,
        methods=["POST"],
        operation_id="create_batch",
        summary="Detect in up to a hundred files, one job each",
        status_code=202,
        response_model=BatchAnswer,
        responses=problems(400, 401, 403, 413, 415, 422, 429, 500, 503),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}},
    )
    router.add_api_route(
        "/batches/{batch_id}",
        get,
        methods=["GET"],
        operation_id="get_batch",
        summary="Read how a batch and its jobs stand",
        response_model=BatchAnswer,
        responses=problems(401, 403, 404, 500, 503),
    )
    return router


def _counted(request: Request, asked: BatchRequest) -> BatchRequest:
    account, attempt = account_of(request), attempt_of(request)
    return BatchRequest(
        asked.tenant,
        asked.request_id,
        asked.items,
        job_id=attempt.job_id if attempt else None,
        resumed=attempt.resumed if attempt else False,
        month_quota=account.limits.per_month if account else None,
        live=account.live if account else True,
    )


def _linked(request: Request, document: Mapping[str, Any]) -> dict[str, Any]:
    return {**document, "links": {"self": api_path(request, f"/batches/{document['batch_id']}")}}
