"""GET /v1/usage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.errors import Unauthenticated
from forensics.domain.job import timestamp
from forensics.domain.limits import Account, Standing, Usage
from forensics.web.context import account_of
from forensics.web.schemas import problems


class LimitUsage(BaseModel):
    """Where one limit stands; `limit` and `remaining` are null where there is none."""

    model_config = ConfigDict(extra="forbid")

    limit: int | None
    used: int
    remaining: int | None
    resets_at: datetime


class MonthUsage(LimitUsage):
    by_media_type: Annotated[
        dict[str, int],
        Field(description="Of the detections used; an item of a batch without media_type is in no medium"),
    ]


class UsageReport(BaseModel):
    """What this key used in this minute, and its tenant in this calendar month (UTC)."""

    model_config = ConfigDict(extra="forbid")

    plan: str
    mode: Annotated[Literal["live", "test"], Field(description="A test key's detections are not counted")]
    minute: LimitUsage
    month: MonthUsage


def usage_router(read: Callable[[Account], Usage]) -> APIRouter:
    """Return the usage route; any key may ask, whatever its scopes."""
    router = APIRouter(tags=["usage"])

    async def endpoint(request: Request) -> Response:
        account = account_of(request)
        if account is None:
            raise Unauthenticated
        usage = read(account)
        month = {**_standing(usage.month), "by_media_type": dict(usage.by_medium)}
        mode = "live" if account.live else "test"
        return JSONResponse({"plan": account.plan, "mode": mode, "minute": _standing(usage.minute), "month": month})

    router.add_api_route(
        "/usage",
        endpoint,
        methods=["GET"],
        operation_id="usage",
        summary="Where the limits stand",
        response_model=UsageReport,
        responses=problems(401, 429, 500),
    )
    return router


def _standing(standing: Standing) -> dict[str, object]:
    return {
        "limit": standing.quota,
        "used": standing.used,
        "remaining": standing.remaining,
        "resets_at": timestamp(standing.window.ends_at),
    }
