"""The webhook routes over the real use case and fakes: what is asked, what is answered, and who may not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from forensics.domain.errors import MediaUrlForbidden
from forensics.usecases.webhook_endpoints import WebhookEndpoints as UseCase
from forensics.web.app import create_app, lambda_handler
from forensics.web.schemas import Problem
from forensics.web.webhook_routes import delivery_router, webhook_router
from forensics.web.webhook_schemas import (
    EVERY_EVENT,
    WebhookDeliveries,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpoints,
    WebhookEndpointWithSecret,
)
from tests.support.events import LambdaContext, api_event, json_body
from tests.support.fakes import FakeClock
from tests.support.webhook_fakes import FakeBox, FakeDeliveries, FakeEndpoints, FakeTimer

URL = "https://hooks.example/in"
BASE = "/v1/webhook-endpoints"
Call = Callable[..., tuple[int, dict[str, Any], dict[str, str]]]


def guard(url: str) -> None:
    if not url.startswith("https://"):
        raise MediaUrlForbidden


@pytest.fixture
def call() -> Call:
    webhooks = UseCase(
        endpoints=FakeEndpoints(),
        deliveries=FakeDeliveries(),
        box=FakeBox(),
        timer=FakeTimer(),
        guard=guard,
        clock=FakeClock(),
    )
    handler = lambda_handler(create_app(webhook_router(webhooks), delivery_router(webhooks)))

    def ask(method: str, path: str, **event: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        sent = {"scopes": "webhooks", **event}
        answer: Any = handler(api_event(method, BASE + path, **sent), LambdaContext())  # type: ignore[arg-type]
        return answer["statusCode"], json.loads(answer["body"] or "{}"), answer["headers"]

    return ask


@pytest.fixture
def endpoint(call: Call) -> WebhookEndpointWithSecret:
    status, body, _ = call("POST", "", **json_body({"url": URL}))
    assert status == 201
    return WebhookEndpointWithSecret.model_validate(body)


def test_an_endpoint_gets_every_type_unless_it_says_otherwise(call: Call) -> None:
    status, body, headers = call("POST", "", **json_body({"url": URL}))
    made = WebhookEndpointWithSecret.model_validate(body)
    assert (status, tuple(made.events), made.status) == (201, EVERY_EVENT, "enabled")
    assert headers["location"] == f"{BASE}/{made.id}" and headers["cache-control"] == "no-store"
    wanted = {"url": URL, "events": ["batch.completed", "batch.completed"], "description": "nightly"}
    assert call("POST", "", **json_body(wanted))[1]["events"] == ["batch.completed"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": ["webhook.ping"]}, "/events/0"),
        ({"url": URL, "secret": "whsec_mine"}, "/secret"),
        ({"url": URL, "description": "d" * 201}, "/description"),
    ],
)
def test_a_wrong_field_is_pointed_at(call: Call, body: dict[str, Any], pointer: str) -> None:
    status, answer, _ = call("POST", "", **json_body(body))
    assert (status, Problem.model_validate(answer).errors[0].pointer) == (400, pointer)


def test_a_forbidden_url_is_a_problem(call: Call) -> None:
    status, answer, _ = call("POST", "", **json_body({"url": "http://10.0.0.1/"}))
    assert (status, answer["code"]) == (422, "media-url-forbidden")


def test_the_secret_is_shown_once(call: Call, endpoint: WebhookEndpointWithSecret) -> None:
    _, listed, _ = call("GET", "")
    _, one, _ = call("GET", f"/{endpoint.id}")
    assert WebhookEndpoints.model_validate(listed).data == [WebhookEndpoint.model_validate(one)]
    assert "whsec_" not in json.dumps([listed, one])
    status, rotated, _ = call("POST", f"/{endpoint.id}/rotate")
    assert status == 200 and rotated["secret"] != endpoint.secret and rotated["previous_secret_until"]


def test_a_ping_is_in_the_log_and_can_be_replayed_when_it_has_ended(
    call: Call, endpoint: WebhookEndpointWithSecret
) -> None:
    for _ in range(3):
        status, told, _ = call("POST", f"/{endpoint.id}/ping")
        assert (status, WebhookDelivery.model_validate(told).type) == (202, "webhook.ping")
    page = WebhookDeliveries.model_validate(call("GET", f"/{endpoint.id}/deliveries", query={"limit": "2"})[1])
    assert (len(page.data), page.has_more) == (2, True)
    rest = call("GET", f"/{endpoint.id}/deliveries", query={"limit": "2", "cursor": str(page.next_cursor)})[1]
    assert (len(rest["data"]), rest["has_more"], rest["next_cursor"]) == (1, False, None)
    assert call("POST", f"/{endpoint.id}/deliveries/{page.data[0].id}/replay")[0] == 202


@pytest.mark.parametrize("cursor", ["x", "dlv_", "whe_01ARZ3NDEKTSV4RRFFQ69G5FAV", "dlv_01ARZ3NDEKTSV4RRFFQ69G5FAVX"])
def test_a_made_up_cursor_is_refused(call: Call, endpoint: WebhookEndpointWithSecret, cursor: str) -> None:
    assert call("GET", f"/{endpoint.id}/deliveries", query={"cursor": cursor})[0] == 400


def test_a_deleted_endpoint_is_gone(call: Call, endpoint: WebhookEndpointWithSecret) -> None:
    assert call("DELETE", f"/{endpoint.id}")[0] == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/ping"), ("GET", "/deliveries")):
        status, answer, _ = call(method, f"/{endpoint.id}{path}")
        assert (status, answer["code"]) == (404, "not-found"), path


@pytest.mark.parametrize("name", ["whe_short", "whe_01ARZ3NDEKTSV4RRFFQ69G5FAV#x", "../keys", "endpoint-count"])
def test_an_id_that_is_none_is_not_found(call: Call, name: str) -> None:
    assert call("GET", f"/{name}")[0] == 404
    assert call("POST", f"/callback/deliveries/{name}/replay")[0] == 404


def test_the_accounts_own_endpoint_has_a_secret_and_a_log_and_no_more(call: Call) -> None:
    status, made, _ = call("POST", "/callback/rotate")
    assert (status, made["id"], made["url"], made["previous_secret_until"]) == (200, "callback", None, None)
    assert call("POST", "/callback/rotate")[1]["previous_secret_until"] is not None
    assert call("GET", "/callback/deliveries")[1]["data"] == []
    assert call("POST", "/callback/ping")[0] == 404
    assert call("DELETE", "/callback")[0] == 404
    assert call("GET", "")[1]["data"] == []


def test_other_tenants_and_keys_without_the_scope_see_nothing(call: Call, endpoint: WebhookEndpointWithSecret) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/ping"), ("GET", "/deliveries")):
        assert call(method, f"/{endpoint.id}{path}", tenant="rival")[0] == 404
        assert call(method, f"/{endpoint.id}{path}", scopes="detect jobs")[0] == 403
