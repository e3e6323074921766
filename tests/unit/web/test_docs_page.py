"""The page for people: whole, escaped, and with nothing that a browser would run or load."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import Any

import pytest

from forensics.web.app import create_app, lambda_handler
from forensics.web.docs_page import docs_page
from forensics.web.openapi import openapi_document
from tests.support.events import LambdaContext, api_event


def call(event: dict[str, Any]) -> dict[str, Any]:
    return lambda_handler(create_app(document=openapi_document))(event, LambdaContext())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    return call(api_event("GET", "/docs", tenant=None))


def test_it_shows_every_operation_event_and_schema(answer: dict[str, Any]) -> None:
    document, page = openapi_document(), html.unescape(answer["body"])
    for path, item in document["paths"].items():
        for operation in item.values():
            assert f'id="{operation["operationId"]}"' in page and operation["summary"] in page and path in page
    for name in [*document["webhooks"], *document["components"]["schemas"], *document["components"]["examples"]]:
        assert name in page


def test_its_links_lead_to_its_own_parts(answer: dict[str, Any]) -> None:
    ids = set(re.findall(r'id="?([^" >]+)', answer["body"]))
    targets = re.findall(r'href="?#([^" >]+)', answer["body"])
    assert targets and set(targets) <= ids


def test_the_policy_lets_a_browser_load_nothing_and_run_nothing(answer: dict[str, Any]) -> None:
    policy = answer["headers"]["content-security-policy"]
    style = re.findall(r"<style>(.*?)</style>", answer["body"], flags=re.S)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert "unsafe" not in policy and "script-src" not in policy
    assert not re.search(r"<(script|img|link|iframe|form|object)|\\son\\w+=|https?://[^<]*\\.(js|css)", answer["body"])
    assert answer["headers"]["content-type"].startswith("text/html")


def test_a_text_cannot_become_markup() -> None:
    document = {**openapi_document(), "info": {"title": "<script>alert(1)</script>", "version": "1"}}
    assert "<script" not in docs_page(document)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PUT", "/v1/jobs/job_1", 405, "GET, DELETE"),
        ("GET", "/v1/detect/image", 405, "POST"),
        ("HEAD", "/v1/usage", 405, "GET"),
        ("POST", "/v1/webhook-endpoints/a/deliveries/b/replay/", 404, None),
        ("GET", "/v1/nowhere", 404, None),
    ],
)
def test_what_no_route_answers_is_told_apart(method: str, path: str, status: int, allow: str | None) -> None:
    answer = call(api_event(method, path))
    assert (answer["statusCode"], answer["headers"].get("allow")) == (status, allow)
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_who_has_no_key_learns_nothing_of_paths() -> None:
    assert call(api_event("PUT", "/v1/jobs/job_1", tenant=None))["statusCode"] == 401
