from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from forensics.domain.errors import PayloadTooLarge
from forensics.domain.upload import Upload, UploadForm
from forensics.web.app import create_app, lambda_handler
from forensics.web.json_body import MAX_BYTES
from forensics.web.schemas import Problem
from forensics.web.upload_routes import UploadAnswer, upload_router
from tests.support.events import LambdaContext, api_event, json_body, multipart

GOOD = {"filename": "holiday.mp4", "content_type": "video/mp4", "size": 9}


@dataclass(frozen=True)
class Made:
    upload: Upload
    form: UploadForm


MADE = Made(
    Upload("acme", "upload_1", 50, datetime(2026, 11, 23, tzinfo=UTC)),
    UploadForm("https://bucket.example", {"key": "k"}),
)


@dataclass
class Create:
    error: Exception | None = None
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def __call__(self, tenant: str, *, medium: str | None, size: int, sha256: str | None = None) -> Made:
        self.asked.append((tenant, medium, size, sha256))
        if self.error:
            raise self.error
        return MADE


def call(create: Create, event: dict[str, Any]) -> tuple[int, Any]:
    answer = lambda_handler(create_app(upload_router(create)))(event, LambdaContext())  # type: ignore[arg-type]
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("kind", "medium"), [("video/mp4", "video"), ("image/svg+xml", "image"), ("application/octet-stream", None)]
)
def test_an_upload_is_made_for_the_medium(kind: str, medium: str | None) -> None:
    create = Create()
    body = {**GOOD, "content_type": kind, "sha256": "0" * 64}
    status, answer = call(create, api_event("POST", "/v1/uploads", **json_body(body)))
    assert (status, UploadAnswer.model_validate(answer).upload_id) == (201, "upload_1")
    assert answer["expires_at"] == "2026-11-23T00:00:00.000Z"
    assert create.asked == [("acme", medium, 9, "0" * 64)]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"size": 0}, "/size"),
        ({"size": 1.5}, "/size"),
        ({"content_type": "text/html"}, "/content_type"),
        ({"content_type": "video/mp4; a=b"}, "/content_type"),
        ({"sha256": "F" * 64}, "/sha256"),
        ({"filename": "x" * 256}, "/filename"),
        ({"file_name": "x"}, "/file_name"),
    ],
)
def test_wrong_fields_are_named(change: dict[str, Any], pointer: str) -> None:
    status, answer = call(Create(), api_event("POST", "/v1/uploads", **json_body({**GOOD, **change})))
    assert (status, [e.pointer for e in Problem.model_validate(answer).errors]) == (400, [pointer])


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (api_event("POST", "/v1/uploads", **json_body([])), "invalid-request"),
        (api_event("POST", "/v1/uploads", body=b"{", content_type="application/json"), "invalid-request"),
        (api_event("POST", "/v1/uploads", **multipart(b"x")), "unsupported-media-type"),
        (api_event("POST", "/v1/uploads", **json_body({**GOOD, "filename": "x" * MAX_BYTES})), "payload-too-large"),
        (api_event("POST", "/v1/uploads", scopes="jobs", **json_body(GOOD)), "forbidden"),
    ],
)
def test_other_requests_are_problems(event: dict[str, Any], code: str) -> None:
    create = Create()
    assert Problem.model_validate(call(create, event)[1]).code == code
    assert create.asked == []


def test_a_file_above_the_limit_is_413() -> None:
    event = api_event("POST", "/v1/uploads", **json_body(GOOD))
    assert call(Create(PayloadTooLarge("Too large.")), event)[0] == 413
