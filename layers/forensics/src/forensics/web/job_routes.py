"""GET /v1/jobs/{job_id}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.errors import NotFound
from forensics.web.context import caller, job_path
from forensics.web.schemas import JOB_RESPONSES, Result

MAX_WAIT_S = 20
MAX_JOB_ID_CHARS = 80


class ReadJob(Protocol):
    def __call__(self, tenant: str, job_id: str, *, wait_s: float = 0) -> Mapping[str, Any]: ...


def job_router(get_job: ReadJob) -> APIRouter:
    """Return the job route; `get_job` raises NotFound for unknown ids and for other tenants' alike."""
    router = APIRouter(tags=["jobs"])

    async def endpoint(
        request: Request,
        job_id: Annotated[str, Path(description="The id of a detect answer")],
        wait: Annotated[int, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for the verdict")] = 0,
    ) -> Response:
        who = caller(request).need("jobs")
        if len(job_id) > MAX_JOB_ID_CHARS or not job_id.isascii() or not job_id.isprintable():
            raise NotFound("There is no such job.")
        document = get_job(who.tenant, job_id, wait_s=wait)
        if document["status"] in ("queued", "processing"):
            links = {"self": job_path(request, job_id)}
            return JSONResponse({**document, "links": links}, headers={"Retry-After": "1"})
        return JSONResponse(dict(document))

    router.add_api_route(
        "/jobs/{job_id}",
        endpoint,
        methods=["GET"],
        operation_id="get_job",
        summary="Read a job, waiting for its verdict when asked to",
        response_model=Result,
        responses=JOB_RESPONSES,
    )
    return router
