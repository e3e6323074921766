from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate

from forensics.domain.errors import NotFound
from forensics.domain.status import State, Status
from forensics.web.app import create_app, lambda_handler
from forensics.web.job_routes import job_router
from forensics.web.openapi import openapi_document
from forensics.web.public_routes import public_router
from forensics.web.schemas import SystemStatus
from tests.support.events import LambdaContext, api_event
from tests.support.fakes import START

COMMITTED = Path(__file__).resolve().parents[3] / "infra" / "openapi.yaml"


STATUS = Status({"image": State.OPERATIONAL, "webhooks": State.DEGRADED, "video": State.UNKNOWN}, START)


def get_job(tenant: str, job_id: str, *, wait_s: float = 0) -> Mapping[str, Any]:
    if (tenant, job_id) != ("acme", "job_1"):
        raise NotFound("There is no such job.")
    return {"status": "queued", "waited": wait_s}


def call(event: dict[str, Any]) -> dict[str, Any]:
    public = public_router(version="9", region="eu-west-1", openapi=openapi_document, status=lambda: STATUS)
    answer = lambda_handler(create_app(job_router(get_job), public))(event, LambdaContext())  # type: ignore[arg-type]
    return {**answer, "json": json.loads(answer["body"])}


def test_a_job_is_read_and_waited_for() -> None:
    answer = call(api_event("GET", "/v1/jobs/job_1", query={"wait": "20"}))
    assert answer["json"] == {"status": "queued", "waited": 20, "links": {"self": "/v1/jobs/job_1"}}
    assert answer["headers"]["retry-after"] == "1"


@pytest.mark.parametrize("wait", ["-1", "21", "soon", "1e9", "٣"])
def test_a_bad_wait_is_a_problem(wait: str) -> None:
    answer = call(api_event("GET", "/v1/jobs/job_1", query={"wait": wait}))
    assert (answer["statusCode"], answer["json"]["errors"][0]["pointer"]) == (400, "/query/wait")


@pytest.mark.parametrize(
    ("job_id", "tenant"),
    [("job_2", "acme"), ("job_1", "rival"), ("x" * 200, "acme"), ("j%C3%B6b", "acme"), ("a%00b", "acme")],
)
def test_unknown_and_foreign_ids_are_the_same_404(job_id: str, tenant: str) -> None:
    answer = call(api_event("GET", f"/v1/jobs/{job_id}", tenant=tenant))
    assert (answer["statusCode"], answer["json"]["detail"]) == (404, "There is no such job.")


def test_the_scope_is_needed() -> None:
    assert call(api_event("GET", "/v1/jobs/job_1", scopes="detect"))["statusCode"] == 403


def test_health_and_description_are_public() -> None:
    assert call(api_event("GET", "/v1/health", tenant=None))["json"] == {
        "status": "ok",
        "version": "9",
        "region": "eu-west-1",
    }
    assert call(api_event("GET", "/v1/openapi.json", tenant=None))["json"] == openapi_document()


def test_the_description_is_valid_openapi_31() -> None:
    document = openapi_document()
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert {"/v1/detect", "/v1/uploads", "/v1/batches", "/v1/jobs/{job_id}", "/v1/openapi.json"} <= set(
        document["paths"]
    )


def test_the_committed_description_is_fresh() -> None:
    assert yaml.safe_load(COMMITTED.read_text(encoding="utf-8")) == openapi_document(), "run `make openapi`"


def test_every_problem_status_of_a_route_is_documented() -> None:
    for path in ("/v1/detect", "/v1/detect/image"):
        responses = openapi_document()["paths"][path]["post"]["responses"]
        assert {"200", "202", "400", "401", "403", "409", "413", "415", "422", "429", "500", "503", "504"} == set(
            responses
        )
        assert list(responses["422"]["content"]) == ["application/problem+json"]


def test_the_status_is_public_and_tells_the_parts() -> None:
    answer = call(api_event("GET", "/v1/status", tenant=None))
    told = SystemStatus.model_validate(answer["json"])
    assert (answer["statusCode"], told.status, answer["headers"]["cache-control"]) == (
        200,
        "degraded",
        "public, max-age=15",
    )
    assert {part.name: part.status for part in told.components} == {
        "image": "operational",
        "webhooks": "degraded",
        "video": "unknown",
    }
