"""What anybody may read: health and the API's own description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.responses import Response

from forensics.web.schemas import Health


def public_router(*, version: str, region: str, openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    """Return GET /v1/health and GET /v1/openapi.json."""
    router = APIRouter(tags=["public"])

    async def health() -> Response:
        return JSONResponse({"status": "ok", "version": version, "region": region})

    async def description() -> Response:
        return JSONResponse(openapi(), headers={"Cache-Control": "public, max-age=300"})

    router.add_api_route(
        "/health", health, methods=["GET"], operation_id="health", summary="Is the API up", response_model=Health
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
