from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from forensics.domain.errors import DetectorError, MediaCorrupt
from forensics.domain.job import DetectRequest
from forensics.web.app import create_app, lambda_handler
from forensics.web.detect_routes import detect_router, unified_router
from forensics.web.schemas import Problem
from tests.support.events import LambdaContext, api_event, json_body, multipart

PATH = "/v1/detect/image"
URL = "https://example.org/x.jpg"


@dataclass
class Detect:
    """Records the request it is asked with and answers as told."""

    document: Mapping[str, Any] = field(default_factory=lambda: {"job_id": "job_1", "status": "completed"})
    timings_ms: Mapping[str, float] = field(default_factory=lambda: {"decode": 1.25, "model": 70.0})
    error: Exception | None = None
    asked: list[DetectRequest] = field(default_factory=list)

    def __call__(self, request: DetectRequest) -> Detect:
        self.asked.append(request)
        if self.error:
            raise self.error
        return self


def call(detect: Detect, event: dict[str, Any]) -> dict[str, Any]:
    handler = lambda_handler(create_app(detect_router("image", detect)))
    answer = handler(event, LambdaContext())  # type: ignore[arg-type]
    return {**answer, "json": json.loads(answer["body"]), "headers": dict(answer["headers"])}


def problem_of(event: dict[str, Any]) -> Problem:
    answer = call(Detect(), event)
    assert answer["headers"]["content-type"] == "application/problem+json"
    problem = Problem.model_validate(answer["json"])
    assert problem.status == answer["statusCode"]
    assert problem.request_id == event["requestContext"]["requestId"]
    return problem


def test_multipart_fields_reach_the_use_case() -> None:
    detect = Detect()
    form = multipart(b"\x00\xffbytes", strict_mode="true", retain="1", external_id="e1", metadata='{"desk": "news"}')
    answer = call(detect, api_event("POST", PATH, **form))
    (request,) = detect.asked
    assert answer["statusCode"] == 200
    assert (request.tenant, request.data, request.media_type) == ("acme", b"\x00\xffbytes", "image")
    assert (request.options.strict_mode, request.options.retain, request.options.explain) == (True, True, False)
    assert (request.options.external_id, request.options.metadata) == ("e1", {"desk": "news"})
    assert request.request_id == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def test_a_json_url_reaches_the_use_case() -> None:
    detect = Detect()
    call(detect, api_event("POST", PATH, **json_body({"media_url": URL, "media_type": "image"})))
    assert (detect.asked[0].media_url, detect.asked[0].data) == (URL, None)


def test_an_upload_reaches_the_use_case() -> None:
    detect = Detect()
    call(detect, api_event("POST", PATH, **json_body({"upload_id": "upload_1"})))
    assert (detect.asked[0].upload_id, detect.asked[0].media_url, detect.asked[0].data) == ("upload_1", None, None)


def test_a_file_too_large_to_be_sent_inline_is_shown_the_way() -> None:
    event = api_event("POST", PATH, **multipart(b"x" * (4 * 1024 * 1024 + 1)))
    event["requestContext"]["path"] = "/prod/v1/detect/image"
    assert call(Detect(), event)["json"]["upload_endpoint"] == "/prod/v1/uploads"


def test_the_answer_tells_its_stages_and_ids() -> None:
    headers = call(Detect(), api_event("POST", PATH, **multipart(b"x")))["headers"]
    assert headers["server-timing"] == "decode;dur=1.2, model;dur=70.0"
    assert headers["x-request-id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    assert headers["cache-control"] == "no-store"


def test_a_queued_job_is_202_with_its_location() -> None:
    detect = Detect({"job_id": "job_1", "status": "queued"})
    event = api_event("POST", PATH, headers={"Prefer": "respond-async"}, **multipart(b"x"))
    answer = call(detect, event)
    assert detect.asked[0].respond_async
    assert answer["statusCode"] == 202
    assert (answer["headers"]["location"], answer["headers"]["retry-after"]) == ("/v1/jobs/job_1", "1")
    assert answer["headers"]["preference-applied"] == "respond-async"


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        (f"/prod{PATH}", "/prod/v1/jobs/job_1"),  # the gateway's own host name
        (PATH, "/v1/jobs/job_1"),  # a custom domain
        ("/prod/v1/detect", "/prod/v1/jobs/job_1"),  # passed on by the unified endpoint
    ],
)
def test_the_location_has_the_stage_that_the_caller_used(asked: str, location: str) -> None:
    event = api_event("POST", PATH, **multipart(b"x"))
    event["requestContext"]["path"] = asked
    answer = call(Detect({"job_id": "job_1", "status": "queued"}), event)
    assert answer["headers"]["location"] == answer["json"]["links"]["self"] == location


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("wait=10", "wait=10"), ("wait=99", "wait=25"), ("handling=strict; x, WAIT=3", "wait=3"), ("wait=soon", None)],
)
def test_prefer_wait_is_answered(prefer: str, applied: str | None) -> None:
    answer = call(Detect(), api_event("POST", PATH, headers={"Prefer": prefer}, **multipart(b"x")))
    assert answer["headers"].get("preference-applied") == applied


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"body": b"", "content_type": "application/json"}, 400, "invalid-request", None),
        ({"body": b"{", "content_type": "application/json"}, 400, "invalid-request", ""),
        ({"body": b"[" * 100_000, "content_type": "application/json"}, 400, "invalid-request", ""),
        ({"body": b"[1]", "content_type": "application/json"}, 400, "invalid-request", ""),
        (json_body({}), 400, "invalid-request", None),
        (json_body({"media_url": URL, "strict": True}), 400, "invalid-request", "/strict"),
        (json_body({"media_url": URL, "strict_mode": "perhaps"}), 400, "invalid-request", "/strict_mode"),
        (json_body({"media_url": URL, "strict_mode": "true"}), 400, "invalid-request", "/strict_mode"),
        (json_body({"media_url": URL, "retain": 1}), 400, "invalid-request", "/retain"),
        (json_body({"media_url": ""}), 400, "invalid-request", "/media_url"),
        (json_body({"upload_id": ""}), 400, "invalid-request", "/upload_id"),
        (multipart(upload_id=""), 400, "invalid-request", "/upload_id"),
        (json_body({"media_url": URL, "callback_url": "h" * 2049}), 400, "invalid-request", "/callback_url"),
        (json_body({"media_url": URL, "external_id": "x" * 65}), 400, "invalid-request", "/external_id"),
        (json_body({"media_url": URL, "metadata": {"a/b": "x" * 513}}), 400, "invalid-request", "/metadata/a~1b"),
        (
            json_body({"media_url": URL, "metadata": {str(i): "" for i in range(17)}}),
            400,
            "invalid-request",
            "/metadata",
        ),
        (json_body({"media_url": URL, "media_type": "video"}), 400, "invalid-request", None),
        (multipart(b"x", media_url=URL), 400, "invalid-request", None),
        (multipart(b"x", upload_id="upload_1"), 400, "invalid-request", None),
        (json_body({"media_url": URL, "upload_id": "upload_1"}), 400, "invalid-request", None),
        (json_body({"upload_id": "x" * 65}), 400, "invalid-request", "/upload_id"),
        (multipart(strict_mode="true"), 400, "invalid-request", None),
        (multipart(b"x", metadata="no"), 400, "invalid-request", "/metadata"),
        (
            {"body": b"no boundary in it", "content_type": "multipart/form-data; boundary=x"},
            400,
            "invalid-request",
            None,
        ),
        ({"body": b"--x", "content_type": "multipart/form-data"}, 400, "invalid-request", None),
        ({"body": b"x", "content_type": "image/jpeg"}, 415, "unsupported-media-type", None),
        ({"body": b"x", "content_type": None}, 415, "unsupported-media-type", None),
        (multipart(b"x" * (4 * 1024 * 1024 + 1)), 413, "payload-too-large", None),
        ({"body": b"x" * 5_000_000, "content_type": "application/json"}, 413, "payload-too-large", None),
    ],
)
def test_bad_requests_are_problems(body: dict[str, Any], status: int, code: str, pointer: str | None) -> None:
    problem = problem_of(api_event("POST", PATH, **body))
    assert (problem.status, problem.code) == (status, code)
    if pointer is not None:
        assert pointer in [e.pointer for e in problem.errors]


def test_a_file_of_the_largest_inline_size_passes() -> None:
    detect = Detect()
    assert call(detect, api_event("POST", PATH, **multipart(b"x" * (4 * 1024 * 1024))))["statusCode"] == 200
    assert len(detect.asked[0].data or b"") == 4 * 1024 * 1024


def test_a_key_without_the_scope_is_forbidden_and_none_is_unauthenticated() -> None:
    assert problem_of(api_event("POST", PATH, scopes="jobs", **multipart(b"x"))).code == "forbidden"
    answer = call(Detect(), api_event("POST", PATH, tenant=None, **multipart(b"x")))
    assert answer["statusCode"] == 401 and answer["headers"]["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("error", "status"), [(MediaCorrupt(), 422), (RuntimeError("secret path"), 500)])
def test_errors_of_the_use_case(error: Exception, status: int, caplog: pytest.LogCaptureFixture) -> None:
    answer = call(Detect(error=error), api_event("POST", PATH, **multipart(b"x")))
    assert answer["statusCode"] == status
    assert "secret" not in answer["body"] and answer["json"]["code"] in ("media-corrupt", "internal-error")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", PATH, 405), ("POST", "/v1/nothing", 404)])
def test_routing_errors_are_problems(method: str, path: str, status: int) -> None:
    assert problem_of(api_event(method, path)).status == status


def test_the_unified_endpoint_passes_the_same_event_on() -> None:
    passed: list[tuple[str, Mapping[str, Any]]] = []

    def invoke(function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        passed.append((function, event))
        return {
            "statusCode": 202,
            "headers": {"location": "/v1/jobs/1", "content-type": "application/json"},
            "body": "e30=",
            "isBase64Encoded": True,
        }

    app = create_app(unified_router(lambda request: ("image", "fn"), invoke))
    event = api_event("POST", "/v1/detect", **multipart(b"x"))
    answer = lambda_handler(app)(event, LambdaContext())  # type: ignore[arg-type]
    assert (answer["statusCode"], answer["body"], answer["headers"]["location"]) == (202, "{}", "/v1/jobs/1")
    ((function, sent),) = passed
    context = {**event["requestContext"], "forwardedFrom": "/v1/detect"}
    assert (function, sent) == ("fn", {**event, "path": PATH, "resource": PATH, "requestContext": context})


def test_the_unified_endpoints_own_errors_are_problems() -> None:
    def choose(request: DetectRequest) -> tuple[str, str]:
        raise DetectorError

    app = create_app(unified_router(choose, lambda function, event: {}))
    answer = lambda_handler(app)(api_event("POST", "/v1/detect", **multipart(b"x")), LambdaContext())  # type: ignore[arg-type]
    assert answer["statusCode"] == 500 and json.loads(answer["body"])["code"] == "internal-error"
