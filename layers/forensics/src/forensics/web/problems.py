"""Errors to RFC 9457 answers; the text of an unknown exception never leaves the process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from forensics.domain.errors import (
    DetectorError,
    FieldError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    Unauthenticated,
    problem,
)
from forensics.web.context import request_id

Passing = Callable[[Exception], bool]

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 2
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="deepfake-detection-api"'}


def problem_response(error: DetectorError, *, request_id: str) -> Response:
    """Return the answer for an error, with the headers its kind needs."""
    headers: Mapping[str, str] = CHALLENGE if isinstance(error, Unauthenticated) else {}
    return JSONResponse(
        problem(error, request_id=request_id),
        status_code=error.status,
        media_type=PROBLEM_JSON,
        headers={**headers, **error.headers},
    )


def install_problem_handlers(app: FastAPI, passing: Passing) -> None:
    """Make every error of the app, its router and its parser a problem answer; one that is `passing` asks to come again."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, DetectorError)
        return problem_response(error, request_id=request_id(request))

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem_response(_routing_error(error), request_id=request_id(request))

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(_validation_error(error), request_id=request_id(request))

    async def unknown(request: Request, error: Exception) -> Response:
        return _unknown(request, error, passing)

    app.add_exception_handler(DetectorError, known)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(Exception, unknown)


class UnknownErrors:
    """Answers an error that nobody expected, so that the middlewares around it see an answer and not an exception."""

    def __init__(self, app: ASGIApp, passing: Passing) -> None:
        self.app, self.passing = app, passing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            await _unknown(Request(scope), error, self.passing)(scope, receive, send)


def _unknown(request: Request, error: Exception, passing: Passing) -> Response:
    logger.error("unhandled %s", type(error).__name__, exc_info=error)
    known: DetectorError = InternalError()
    if passing(error):
        known = ServiceUnavailable("A part of the service did not answer.", headers={"Retry-After": str(RETRY_AFTER_S)})
    return problem_response(known, request_id=request_id(request))


def _routing_error(error: HTTPException) -> DetectorError:
    if error.status_code == 404:
        return NotFound("There is no such path.")
    if error.status_code == 405:
        return MethodNotAllowed(headers=dict(error.headers or {}))
    return InvalidRequest("The request could not be parsed.")


def _validation_error(error: RequestValidationError) -> InvalidRequest:
    fields = [FieldError("/" + "/".join(str(part) for part in e["loc"]), e["msg"]) for e in error.errors()]
    return InvalidRequest("Some parameters are not valid.", errors=fields)
