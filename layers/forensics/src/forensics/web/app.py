"""The FastAPI app that a function wires its routes into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from mangum import Mangum
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forensics.web.context import request_id
from forensics.web.fallback_routes import fallback_router
from forensics.web.idempotency import RememberAnswers
from forensics.web.limits import Guard, LimitCalls, never
from forensics.web.problems import PROBLEM_JSON, UnknownErrors, install_problem_handlers
from forensics.web.public_routes import docs_router

API_TITLE = "Deepfake Detection API"
API_VERSION = "1"


def create_app(
    *routers: APIRouter, guard: Guard | None = None, document: Callable[[], dict[str, Any]] | None = None
) -> FastAPI:
    """Return an app of the routers under /v1 whose every error is a problem.

    `guard` counts calls and remembers idempotency keys; every function has one, the tests of routes and the description none.
    The one app with the OpenAPI `document` also serves /docs, and answers what belongs to no other function.
    """
    app = FastAPI(
        title=API_TITLE, version=API_VERSION, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    for router in routers:
        app.include_router(router, prefix="/v1")
    if document is not None:
        app.include_router(docs_router(document))
        app.include_router(fallback_router(document), prefix="/v1")
    passing = guard.passing if guard is not None else never
    install_problem_handlers(app, passing)
    app.add_middleware(UnknownErrors, passing)  # the innermost: what follows sees an answer, whatever happened
    if guard is not None and guard.attempts is not None:
        app.add_middleware(RememberAnswers, guard.attempts)
    if guard is not None:
        app.add_middleware(LimitCalls, guard)
    app.add_middleware(StampHeaders)
    return app


def lambda_handler(app: FastAPI) -> Mangum:
    """Return the app as a Lambda proxy handler; problems are text too, else the gateway would be handed base64."""
    return Mangum(app, lifespan="off", text_mime_types=["text/", "application/json", PROBLEM_JSON])


class StampHeaders:
    """Puts the request id and the headers every answer carries on each response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        stamp = request_id(Request(scope))

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = stamp
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, stamped)
