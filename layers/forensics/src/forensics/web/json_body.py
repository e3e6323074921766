"""A request's JSON body to one validated model, every fault of it as an InvalidRequest with JSON pointers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from forensics.domain.errors import FieldError, InvalidRequest, PayloadTooLarge, UnsupportedMediaType

MAX_BYTES = 64 * 1024
Body = TypeVar("Body", bound=BaseModel)


async def read_json_body(request: Request, kind: type[Body], *, max_bytes: int = MAX_BYTES) -> Body:
    """Return the body as `kind`; raises InvalidRequest, UnsupportedMediaType or PayloadTooLarge (above `max_bytes`)."""
    raw = await request.body()
    if len(raw) > max_bytes:
        raise PayloadTooLarge(f"This body may have at most {max_bytes} bytes.")
    if content_type(request) != "application/json":
        raise UnsupportedMediaType("Send application/json.", headers={"Accept": "application/json"})
    json_object(raw, pointer="")
    return validated(lambda: kind.model_validate_json(raw, strict=True))


def content_type(request: Request) -> str:
    """Return the media type of the body without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def json_object(raw: bytes, *, pointer: str) -> dict[str, Any]:
    """Return a JSON object; raises InvalidRequest with `pointer` for anything else."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest("Not valid JSON.", errors=[FieldError(pointer, "not valid JSON")]) from exc
    if not isinstance(value, dict):
        raise InvalidRequest("Not a JSON object.", errors=[FieldError(pointer, "not a JSON object")])
    return value


def validated(validate: Callable[[], Body]) -> Body:
    """Return what `validate` makes; raises InvalidRequest with a pointer for each wrong field."""
    try:
        return validate()
    except ValidationError as exc:
        raise InvalidRequest("Some fields are not valid.", errors=_field_errors(exc)) from exc


def _field_errors(exc: ValidationError) -> list[FieldError]:
    return [FieldError("".join(f"/{_escaped(part)}" for part in e["loc"]), e["msg"]) for e in exc.errors()]


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")  # RFC 6901
