"""Problems (RFC 9457), and the responses of the description that are problems."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from forensics.web.schemas.base import Model


class ProblemField(Model):
    pointer: Annotated[str, Field(description="RFC 6901 pointer into the request body")]
    detail: str


class Problem(BaseModel):
    """An RFC 9457 problem; `code` is stable, `title` and `detail` are for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: list[ProblemField] = []


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI responses that are problems, by status."""
    texts = {
        400: "The request is not valid",
        401: "No valid key",
        403: "The key lacks the scope",
        404: "Not found, or another tenant's",
        409: "It stands against another call, or against how far the job is",
        410: "The job was deleted",
        413: "The body is too large",
        415: "Not a supported kind of file",
        429: "A limit is used up",
        422: "The media cannot be analysed",
        500: "Unknown error",
        503: "Try again",
        504: "The answer did not come in time",
    }
    return {code: {"description": texts[code], "content": _content()} for code in codes}


def _content() -> dict[str, Any]:
    return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
