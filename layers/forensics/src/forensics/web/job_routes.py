"""GET and DELETE /v1/jobs/{job_id}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.errors import NotFound
from forensics.web.context import caller, job_path
from forensics.web.etags import entity_tag, known_to_caller
from forensics.web.schemas import JOB_RESPONSES, JobAnswer, problems

MAX_WAIT_S = 20
MAX_JOB_ID_CHARS = 80


class ReadJob(Protocol):
    def __call__(self, tenant: str, job_id: str, *, wait_s: float = 0) -> Mapping[str, Any]: ...


class RemoveJob(Protocol):
    def __call__(self, tenant: str, job_id: str) -> None: ...


def delete_router(delete_job: RemoveJob) -> APIRouter:
    """Return the DELETE route; `delete_job` raises NotFound and Deleted."""
    router = APIRouter(tags=["jobs"])

    async def endpoint(
        request: Request, job_id: Annotated[str, Path(description="The id of a detect answer")]
    ) -> Response:
        who = caller(request).need("jobs")
        delete_job(who.tenant, plausible(job_id))
        return Response(status_code=204)

    router.add_api_route(
        "/jobs/{job_id}",
        endpoint,
        methods=["DELETE"],
        operation_id="delete_job",
        summary="Delete a job: its file, its verdict and what explains it, now",
        status_code=204,
        responses=problems(401, 403, 404, 410, 500, 503),
    )
    return router


def job_router(get_job: ReadJob) -> APIRouter:
    """Return the job route; `get_job` raises NotFound for unknown ids and for other tenants' alike."""
    router = APIRouter(tags=["jobs"])

    async def endpoint(
        request: Request,
        job_id: Annotated[str, Path(description="The id of a detect answer")],
        wait: Annotated[int, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for the verdict")] = 0,
    ) -> Response:
        who = caller(request).need("jobs")
        document = get_job(who.tenant, plausible(job_id), wait_s=wait)
        tag = entity_tag(document)
        if known_to_caller(request, tag):
            return Response(status_code=304, headers={"ETag": tag})
        if document["status"] in ("queued", "processing"):
            links = {"self": job_path(request, job_id)}
            return JSONResponse({**document, "links": links}, headers={"Retry-After": "1", "ETag": tag})
        return JSONResponse(dict(document), headers={"ETag": tag})

    router.add_api_route(
        "/jobs/{job_id}",
        endpoint,
        methods=["GET"],
        operation_id="get_job",
        summary="Read a job, waiting for its verdict when asked to",
        response_model=JobAnswer,
        responses=JOB_RESPONSES,
    )
    return router


def plausible(job_id: str) -> str:
    """Return the id, or raise NotFound for what was never issued and no table should be asked for."""
    if len(job_id) > MAX_JOB_ID_CHARS or not job_id.isascii() or not job_id.isprintable():
        raise NotFound("There is no such job.")
    return job_id
