"""GET /v1/models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from forensics.web.context import caller
from forensics.web.schemas import OperatingPoint, Thresholds, problems


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Mode(_Model):
    thresholds: Thresholds
    operating_point: OperatingPoint


class OperatingPoints(_Model):
    """`strict` is what `strict_mode` asks for."""

    normal: Mode | None = None
    strict: Mode | None = None


class ModelEntry(_Model):
    name: str
    version: str
    licence: str
    operating_points: OperatingPoints
    guards: Annotated[dict[str, float], Field(description="When a score is not worth a verdict")]
    generators: Annotated[list[str], Field(description="Families that the model may name")]
    card: Annotated[str, Field(description="What it was trained and measured on, and where it fails")]


class ModelList(_Model):
    data: list[ModelEntry]


def model_router(models: Callable[[], Sequence[Mapping[str, Any]]]) -> APIRouter:
    """Return the route; any key may read it."""
    router = APIRouter(tags=["models"])

    async def endpoint(request: Request) -> Response:
        caller(request)
        return JSONResponse({"data": [dict(model) for model in models()]})

    router.add_api_route(
        "/models",
        endpoint,
        methods=["GET"],
        operation_id="list_models",
        summary="The models of this deployment: versions, thresholds and what they were measured to do",
        response_model=ModelList,
        responses=problems(401, 500, 503),
    )
    return router
