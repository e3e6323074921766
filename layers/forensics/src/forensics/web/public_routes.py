"""What anybody may read: health and the API's own description, for programs and for people."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.responses import Response

from forensics.domain.job import timestamp
from forensics.domain.status import Status
from forensics.web.docs_page import POLICY, docs_page
from forensics.web.schemas import Health, SystemStatus

_CACHED = {"Cache-Control": "public, max-age=300"}
_BRIEFLY_CACHED = {"Cache-Control": "public, max-age=15"}


def public_router(
    *, version: str, region: str, openapi: Callable[[], dict[str, Any]], status: Callable[[], Status]
) -> APIRouter:
    """Return GET /v1/health, GET /v1/status and GET /v1/openapi.json."""
    router = APIRouter(tags=["public"])

    async def health() -> Response:
        return JSONResponse({"status": "ok", "version": version, "region": region})

    async def state() -> Response:
        found = status()
        body = {
            "status": found.whole,
            "components": [{"name": name, "status": part} for name, part in found.parts.items()],
            "checked_at": timestamp(found.checked_at),
            "version": version,
            "region": region,
        }
        return JSONResponse(body, headers=_BRIEFLY_CACHED)

    async def description() -> Response:
        return JSONResponse(openapi(), headers=_CACHED)

    router.add_api_route(
        "/health", health, methods=["GET"], operation_id="health", summary="Is the API up", response_model=Health
    )
    router.add_api_route(
        "/status",
        state,
        methods=["GET"],
        operation_id="status",
        summary="How the installation does, part by part, as its alarms have it",
        response_model=SystemStatus,
    )
    router.add_api_route(
        "/openapi.json",
        description,
        methods=["GET"],
        operation_id="openapi",
        summary="This document",
        response_model=dict,
    )
    return router


def docs_router(openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    """Return GET /docs, the one page beside /v1."""
    router = APIRouter()
    page = lru_cache(maxsize=1)(lambda: docs_page(openapi()))

    async def docs() -> Response:
        headers = {**_CACHED, "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(page(), headers=headers)

    router.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)
    return router
