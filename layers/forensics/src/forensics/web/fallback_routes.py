"""Whatever no other route answers: 405 with Allow where the path is known, else 404."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from fastapi import APIRouter
from starlette.requests import Request

from forensics.domain.errors import MethodNotAllowed, NotFound
from forensics.web.context import caller

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")  # all that API Gateway lets pass


def fallback_router(openapi: Callable[[], Mapping[str, Any]]) -> APIRouter:
    """Return the last router of an app, which takes any path; it raises MethodNotAllowed or NotFound."""
    router = APIRouter()

    async def endpoint(request: Request) -> NoReturn:
        caller(request)
        allowed = allowed_methods(openapi(), request.url.path)
        if allowed and request.method not in allowed:
            raise MethodNotAllowed(headers={"Allow": ", ".join(allowed)})
        raise NotFound("No endpoint has this path.")

    router.add_api_route("/{path:path}", endpoint, methods=list(METHODS), include_in_schema=False, response_model=None)
    return router


def allowed_methods(document: Mapping[str, Any], path: str) -> list[str]:
    """Return the methods that a path answers by the OpenAPI document; none for a path that it does not have."""
    for template, operations in document["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
            return [method.upper() for method in operations]
    return []
