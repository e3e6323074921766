"""The list of jobs, entity tags, feedback and models over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from forensics.domain.feedback import Feedback, Label
from forensics.domain.job import JobStatus
from forensics.domain.job_list import JobFilter
from forensics.usecases.list_jobs import Listing
from forensics.usecases.list_models import ListModels
from forensics.web.app import create_app, lambda_handler
from forensics.web.feedback_routes import FeedbackAnswer, feedback_router
from forensics.web.job_list_routes import JobLines, job_list_router
from forensics.web.job_routes import job_router
from forensics.web.model_routes import ModelList, model_router
from tests.support.events import LambdaContext, api_event, json_body

MODELS = Path(__file__).resolve().parents[3] / "models"
LINE = {
    "job_id": "job_1",
    "status": "completed",
    "media_type": "image",
    "verdict": "synthetic",
    "confidence": 0.9,
    "error_code": None,
    "external_id": None,
    "created_at": "2026-11-23T00:00:00.000Z",
    "completed_at": "2026-11-23T00:00:01.000Z",
}


@dataclass
class World:
    document: dict[str, Any] = field(default_factory=lambda: {"status": "completed", "artifacts": {}})
    next_cursor: str | None = None
    asked: list[tuple[JobFilter, int, str | None]] = field(default_factory=list)
    words: list[tuple[str, str, str, Label, str | None]] = field(default_factory=list)

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        app = create_app(
            job_list_router(self.list),
            job_router(self.read),
            feedback_router(self.keep),
            model_router(ListModels(MODELS)),
        )
        answer = lambda_handler(app)(event, LambdaContext())  # type: ignore[arg-type]
        return {**answer, "json": json.loads(answer["body"]) if answer["body"] else None}

    def list(self, asked: JobFilter, *, limit: int, cursor: str | None = None) -> Listing:
        self.asked.append((asked, limit, cursor))
        return Listing((LINE,), self.next_cursor)

    def read(self, tenant: str, job_id: str, *, wait_s: float = 0) -> Mapping[str, Any]:
        return self.document

    def keep(
        self, tenant: str, job_id: str, *, key_id: str, label: Label, comment: str | None = None
    ) -> tuple[Feedback, bool]:
        self.words.append((tenant, job_id, key_id, label, comment))
        return Feedback(label, comment, datetime(2026, 11, 23, tzinfo=UTC)), len(self.words) == 1


@pytest.fixture
def world() -> World:
    return World()


def test_a_page_links_to_the_next_with_the_same_question(world: World) -> None:
    world.next_cursor = "c/2"
    query = {
        "limit": "7",
        "status": "failed",
        "media_type": "video",
        "created_after": "2026-11-22T00:00:00Z",
        "cursor": "c",
    }
    event = api_event("GET", "/v1/jobs", query=query)
    event["requestContext"]["path"] = "/prod/v1/jobs"
    answer = world.call(event)
    assert JobLines.model_validate(answer["json"]).has_more
    after = datetime(2026, 11, 22, tzinfo=UTC)
    assert world.asked == [(JobFilter("acme", JobStatus.FAILED, "video", after), 7, "c")]
    told = "limit=7&status=failed&media_type=video&created_after=2026-11-22T00%3A00%3A00Z&cursor=c%2F2"
    assert answer["headers"]["link"] == f'</prod/v1/jobs?{told}>; rel="next"'


def test_the_last_page_leads_nowhere(world: World) -> None:
    answer = world.call(api_event("GET", "/v1/jobs"))
    assert (answer["json"]["has_more"], answer["json"]["next_cursor"]) == (False, None)
    assert "link" not in answer["headers"]
    assert world.asked == [(JobFilter("acme"), 20, None)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("status", "deleted"),
        ("media_type", "text"),
        ("created_after", "2026-11-22T00:00:00"),
        ("created_after", "yesterday"),
        ("created_after", "0.5"),
        ("created_after", "1795358400"),
        ("cursor", "x" * 401),
    ],
)
def test_a_wrong_question_is_a_problem(world: World, name: str, value: str) -> None:
    answer = world.call(api_event("GET", "/v1/jobs", query={name: value}))
    assert (answer["statusCode"], answer["json"]["errors"][0]["pointer"]) == (400, f"/query/{name}")


def test_a_job_that_is_known_is_not_sent_again(world: World) -> None:
    first = world.call(api_event("GET", "/v1/jobs/job_1"))
    tag = first["headers"]["etag"]
    assert tag.startswith('"') and tag.endswith('"')
    for told in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        known = world.call(api_event("GET", "/v1/jobs/job_1", headers={"If-None-Match": told}))
        assert (known["statusCode"], known["body"], known["headers"]["etag"]) == (304, "", tag)
    assert world.call(api_event("GET", "/v1/jobs/job_1", headers={"If-None-Match": '"other"'}))["statusCode"] == 200


def test_a_tag_changes_with_the_answer_and_not_with_fresh_links(world: World) -> None:
    def tag(**document: Any) -> str:
        world.document = {"status": "completed", **document}
        found: str = world.call(api_event("GET", "/v1/jobs/job_1"))["headers"]["etag"]
        return found

    signed = tag(artifacts={"heatmap_url": "https://bucket.example/1?signature=a"})
    assert signed == tag(artifacts={"heatmap_url": "https://bucket.example/1?signature=b"})
    assert len({signed, tag(artifacts={}), tag(artifacts={}, verdict="synthetic"), tag(status="queued")}) == 4


def test_a_key_speaks_of_a_verdict(world: World) -> None:
    event = api_event("POST", "/v1/jobs/job_1/feedback", **json_body({"label": "authentic", "comment": "x" * 2000}))
    event["requestContext"]["authorizer"]["key_id"] = "key_7"
    first, second = world.call(event), world.call(event)
    assert (first["statusCode"], second["statusCode"]) == (201, 200)
    assert FeedbackAnswer.model_validate(first["json"]).label == "authentic"
    assert world.words[0] == ("acme", "job_1", "key_7", Label.AUTHENTIC, "x" * 2000)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"label": "fake"}, "/label"), ({}, "/label"), ({"label": "unknown", "comment": "x" * 2001}, "/comment")],
)
def test_other_words_are_refused(world: World, body: dict[str, Any], pointer: str) -> None:
    answer = world.call(api_event("POST", "/v1/jobs/job_1/feedback", **json_body(body)))
    assert (answer["statusCode"], answer["json"]["errors"][0]["pointer"]) == (400, pointer)
    assert world.words == []


def test_the_models_are_those_of_the_manifests(world: World) -> None:
    told = ModelList.model_validate(world.call(api_event("GET", "/v1/models", scopes=""))["json"])
    by_name = {model.name: model for model in told.data}
    assert {"audio", "image", "video"} <= set(by_name)
    image = by_name["image"].operating_points
    assert image.normal is not None and image.strict is not None
    assert image.strict.thresholds.synthetic < image.normal.thresholds.synthetic
    assert by_name["image"].card.endswith("/models/image")
    assert world.call(api_event("GET", "/v1/models", tenant=None))["statusCode"] == 401
