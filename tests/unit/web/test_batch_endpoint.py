from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from forensics.domain.batch import Batch, BatchItem, BatchRequest, batch_document
from forensics.domain.errors import NotFound
from forensics.domain.job import DetectOptions
from forensics.web.app import create_app, lambda_handler
from forensics.web.batch_routes import MAX_BODY_BYTES, BatchAnswer, batch_router
from tests.support.events import LambdaContext, api_event, json_body

URL = "https://example.org/x.jpg"
BATCH = Batch("acme", "batch_1", ("job_1",), datetime(2026, 11, 23, tzinfo=UTC))


@dataclass
class Batches:
    asked: list[BatchRequest] = field(default_factory=list)

    def create(self, request: BatchRequest) -> Mapping[str, Any]:
        self.asked.append(request)
        return batch_document(BATCH, [])

    def read(self, tenant: str, batch_id: str) -> Mapping[str, Any]:
        if (tenant, batch_id) != ("acme", "batch_1"):
            raise NotFound("There is no such batch.")
        return batch_document(BATCH, [])

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        app = create_app(batch_router(self.create, self.read))
        answer = lambda_handler(app)(event, LambdaContext())  # type: ignore[arg-type]
        return {**answer, "json": json.loads(answer["body"])}


def test_options_of_the_batch_and_of_its_items_come_together() -> None:
    batches = Batches()
    body = {
        "items": [
            {"media_url": URL, "external_id": "e", "metadata": {"a": "b"}},
            {"upload_id": "u", "media_type": "video"},
        ],
        "strict_mode": True,
        "retain": True,
    }
    event = api_event("POST", "/v1/batches", **json_body(body))
    event["requestContext"]["path"] = "/prod/v1/batches"
    answer = batches.call(event)
    first = DetectOptions(strict_mode=True, retain=True, external_id="e", metadata={"a": "b"})
    assert batches.asked[0].items == (
        BatchItem(first, media_url=URL),
        BatchItem(DetectOptions(strict_mode=True, retain=True), upload_id="u", media_type="video"),
    )
    assert (answer["statusCode"], answer["headers"]["location"]) == (202, "/prod/v1/batches/batch_1")
    assert BatchAnswer.model_validate(answer["json"]).links.self == "/prod/v1/batches/batch_1"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"items": []}, ["/items"]),
        ({"items": [{"upload_id": "u"}] * 101}, ["/items"]),
        ({"items": [{"upload_id": "u"}, {}, {"upload_id": "u", "media_url": URL}]}, ["/items/1", "/items/2"]),
        ({"items": [{"upload_id": "u", "media_type": "text"}]}, ["/items/0/media_type"]),
        ({"items": [{"upload_id": "u", "strict_mode": True}]}, ["/items/0/strict_mode"]),
        ({"items": [{"upload_id": "u"}], "wait": 3}, ["/wait"]),
    ],
)
def test_wrong_fields_are_named(body: dict[str, Any], pointers: list[str]) -> None:
    batches = Batches()
    answer = batches.call(api_event("POST", "/v1/batches", **json_body(body)))
    assert (answer["statusCode"], [e["pointer"] for e in answer["json"]["errors"]]) == (400, pointers)
    assert batches.asked == []


def test_a_body_has_its_limit_and_each_call_its_scope() -> None:
    large = {"items": [{"upload_id": "u"}], "x": "y" * MAX_BODY_BYTES}
    assert Batches().call(api_event("POST", "/v1/batches", **json_body(large)))["statusCode"] == 413
    small = json_body({"items": [{"upload_id": "u"}]})
    assert Batches().call(api_event("POST", "/v1/batches", scopes="jobs", **small))["statusCode"] == 403
    assert Batches().call(api_event("GET", "/v1/batches/batch_1", scopes="detect"))["statusCode"] == 403


@pytest.mark.parametrize(("batch_id", "tenant"), [("batch_2", "acme"), ("batch_1", "rival"), ("x" * 99, "acme")])
def test_unknown_and_foreign_batches_are_the_same_404(batch_id: str, tenant: str) -> None:
    answer = Batches().call(api_event("GET", f"/v1/batches/{batch_id}", tenant=tenant))
    assert (answer["statusCode"], answer["json"]["detail"]) == (404, "There is no such batch.")


def test_a_batch_is_read() -> None:
    answer = Batches().call(api_event("GET", "/v1/batches/batch_1"))
    assert BatchAnswer.model_validate(answer["json"]).status == "processing"
