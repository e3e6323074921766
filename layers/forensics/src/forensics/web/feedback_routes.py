"""POST /v1/jobs/{job_id}/feedback."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.feedback import MAX_COMMENT_CHARS, Feedback, Label
from forensics.domain.job import timestamp
from forensics.web.context import account_of, caller
from forensics.web.job_routes import plausible
from forensics.web.json_body import read_json_body
from forensics.web.schemas import problems

LabelName = Literal["authentic", "synthetic", "manipulated", "unknown"]


class FeedbackBody(BaseModel):
    """What the file truly is, as far as the caller knows."""

    model_config = ConfigDict(extra="forbid")

    label: LabelName
    comment: Annotated[str | None, Field(max_length=MAX_COMMENT_CHARS)] = None


class FeedbackAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    job_id: str
    label: LabelName
    comment: str | None
    given_at: datetime


class KeepFeedback(Protocol):
    def __call__(
        self, tenant: str, job_id: str, *, key_id: str, label: Label, comment: str | None = None
    ) -> tuple[Feedback, bool]: ...


def feedback_router(keep: KeepFeedback) -> APIRouter:
    """Return the route; `keep` raises NotFound, Deleted or NoVerdict."""
    router = APIRouter(tags=["jobs"])

    async def endpoint(
        request: Request, job_id: Annotated[str, Path(description="The id of a detect answer")]
    ) -> Response:
        who = caller(request).need("jobs")
        body = await read_json_body(request, FeedbackBody)
        account = account_of(request)
        kept, first = keep(
            who.tenant,
            plausible(job_id),
            key_id=account.key_id if account else who.tenant,
            label=Label(body.label),
            comment=body.comment,
        )
        answer = {"job_id": job_id, "label": kept.label.value, "comment": kept.comment}
        return JSONResponse({**answer, "given_at": timestamp(kept.given_at)}, 201 if first else 200)

    router.add_api_route(
        "/jobs/{job_id}/feedback",
        endpoint,
        methods=["POST"],
        operation_id="leave_feedback",
        summary="Say what a file truly is: kept beside the job, the key's latest word alone",
        status_code=201,
        response_model=FeedbackAnswer,
        responses={
            200: {"model": FeedbackAnswer, "description": "The key's earlier word was replaced"},
            **problems(400, 401, 403, 404, 409, 410, 413, 415, 500, 503),
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": FeedbackBody.model_json_schema()}},
            }
        },
    )
    return router
