"""GET /v1/jobs: a tenant's jobs, newest first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.job import JobStatus
from forensics.domain.job_list import JobFilter
from forensics.web.context import api_path, caller
from forensics.web.schemas import MediumName, Probability, VerdictName, problems

MAX_LIMIT, DEFAULT_LIMIT = 100, 20
MAX_CURSOR_CHARS = 400
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
StatusName = Literal["queued", "processing", "completed", "failed"]


def _rfc_3339(text: str) -> str:
    """Refuse what pydantic takes for a time besides RFC 3339, such as seconds since 1970."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError("not a time of RFC 3339 with its zone")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]


class JobLine(BaseModel):
    """One job in short; GET /v1/jobs/{job_id} has the whole answer."""

    model_config = ConfigDict(extra="forbid")

    job_id: str
    status: StatusName
    media_type: Annotated[MediumName | None, Field(description="Null until the bytes were looked at")]
    verdict: VerdictName | None
    confidence: Probability | None
    error_code: Annotated[str | None, Field(description="Of a failed job: the problem's code")]
    external_id: str | None
    created_at: datetime
    completed_at: datetime | None


class JobLines(BaseModel):
    model_config = ConfigDict(extra="forbid")

    data: list[JobLine]
    has_more: bool
    next_cursor: Annotated[str | None, Field(description="Also in the header Link, rel=next")]


class JobsPage(Protocol):
    @property
    def data(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def next_cursor(self) -> str | None: ...


class ReadJobs(Protocol):
    def __call__(self, asked: JobFilter, *, limit: int, cursor: str | None = None) -> JobsPage: ...


def job_list_router(list_jobs: ReadJobs) -> APIRouter:
    """Return the route; `list_jobs` raises InvalidRequest for a cursor that is not of this list."""
    router = APIRouter(tags=["jobs"])

    async def endpoint(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
        cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_CHARS, description="next_cursor of a page")] = None,
        status: Annotated[StatusName | None, Query()] = None,
        media_type: Annotated[MediumName | None, Query()] = None,
        created_after: Annotated[Moment | None, Query(description="RFC 3339, exclusive")] = None,
    ) -> Response:
        who = caller(request).need("jobs")
        asked = JobFilter(who.tenant, JobStatus(status) if status else None, media_type, created_after)
        page = list_jobs(asked, limit=limit, cursor=cursor)
        more = page.next_cursor is not None
        body = {"data": [dict(line) for line in page.data], "has_more": more, "next_cursor": page.next_cursor}
        return JSONResponse(body, headers=_link(request, page.next_cursor))

    router.add_api_route(
        "/jobs",
        endpoint,
        methods=["GET"],
        operation_id="list_jobs",
        summary="List jobs, newest first",
        response_model=JobLines,
        responses=problems(400, 401, 403, 500, 503),
    )
    return router


def _link(request: Request, cursor: str | None) -> dict[str, str]:
    """Return the header that leads on: the same question, with the next cursor."""
    if cursor is None:
        return {}
    query = {**request.query_params, "cursor": cursor}
    return {"Link": f'<{api_path(request, "/jobs")}?{urlencode(query)}>; rel="next"'}
