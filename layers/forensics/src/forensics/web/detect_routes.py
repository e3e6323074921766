"""POST /v1/detect and /v1/detect/{medium}."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.errors import InvalidRequest
from forensics.domain.job import DetectRequest, JobStatus
from forensics.web.context import account_of, caller, forwarded, gateway_event, job_path
from forensics.web.detect_body import read_detect_request
from forensics.web.idempotency import attempt_of
from forensics.web.preferences import preferences
from forensics.web.schemas import DETECT_RESPONSES, Result, detect_openapi

RETRY_AFTER_S = "1"


class DetectOutcome(Protocol):
    """What a detect use case returns: the document, how far it is, and the milliseconds of each stage."""

    @property
    def document(self) -> Mapping[str, Any]: ...

    @property
    def timings_ms(self) -> Mapping[str, float]: ...


def detect_router(medium: str, detect: Callable[[DetectRequest], DetectOutcome]) -> APIRouter:
    """Return the route of one medium; `detect` answers a validated request or raises DetectorErrors."""
    router = APIRouter(tags=["detect"])

    async def endpoint(request: Request) -> Response:
        asked = preferences(request)
        body = await read_detect_request(request, caller(request).need("detect"), asked)
        if body.media_type not in (None, medium):
            raise InvalidRequest(f"This path takes {medium}; use /v1/detect/{body.media_type}.")
        return _answer(request, detect(_counted(request, replace(body, media_type=medium))), asked.applied)

    router.add_api_route(
        f"/detect/{medium}",
        endpoint,
        methods=["POST"],
        operation_id=f"detect_{medium}",
        summary=f"Detect synthetic or manipulated {medium}",
        response_model=Result,
        responses=DETECT_RESPONSES,
        openapi_extra=detect_openapi(medium),
    )
    return router


def unified_router(
    choose: Callable[[DetectRequest], tuple[str, str]], invoke: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
) -> APIRouter:
    """Return POST /v1/detect: `choose` names medium and function, `invoke` runs it with the same event, path rewritten."""
    router = APIRouter(tags=["detect"])

    async def endpoint(request: Request) -> Response:
        body = await read_detect_request(request, caller(request).need("detect"), preferences(request))
        medium, function = choose(body)
        path = f"/v1/detect/{medium}"
        return _passed_on(invoke(function, forwarded(gateway_event(request), path)))

    router.add_api_route(
        "/detect",
        endpoint,
        methods=["POST"],
        operation_id="detect",
        summary="Detect, with the medium inferred from the bytes unless named",
        response_model=Result,
        responses=DETECT_RESPONSES,
        openapi_extra=detect_openapi(),
    )
    return router


def _counted(request: Request, body: DetectRequest) -> DetectRequest:
    """Return the request with what the key's account and an Idempotency-Key say of it."""
    account, attempt = account_of(request), attempt_of(request)
    if account is not None:
        body = replace(body, month_quota=account.limits.per_month, live=account.live)
    return replace(body, job_id=attempt.job_id, resumed=attempt.resumed) if attempt else body


def _answer(request: Request, outcome: DetectOutcome, applied: str) -> Response:
    document = outcome.document
    headers = {"Preference-Applied": applied} if applied else {}
    if document["status"] in (JobStatus.QUEUED, JobStatus.PROCESSING):
        location = job_path(request, document["job_id"])
        return JSONResponse(
            {**document, "links": {"self": location}},
            202,
            headers | {"Location": location, "Retry-After": RETRY_AFTER_S},
        )
    return JSONResponse(dict(document), 200, headers | {"Server-Timing": _server_timing(outcome.timings_ms)})


def _server_timing(timings_ms: Mapping[str, float]) -> str:
    return ", ".join(f"{name};dur={ms:.1f}" for name, ms in timings_ms.items())


def _passed_on(answer: Mapping[str, Any]) -> Response:
    raw = answer.get("body") or ""
    content = base64.b64decode(raw) if answer.get("isBase64Encoded") else raw
    response = Response(content, status_code=int(answer["statusCode"]))
    single = {name: [value] for name, value in (answer.get("headers") or {}).items()}
    for name, values in {**single, **(answer.get("multiValueHeaders") or {})}.items():
        for value in values:
            if name.lower() != "content-length":
                response.headers.append(name, value)
    return response
