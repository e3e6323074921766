"""What stands before every route: who is counted, what the RateLimit fields tell, and what does not run."""

from __future__ import annotations

import ast
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from forensics.domain.limits import Account, Counted
from tests.support.events import api_event
from tests.support.guarded import POLICY, Calls

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_answer_tells_the_limits(method: str) -> None:
    calls = Calls()
    headers = calls(api_event(method, "/v1/things"))["headers"]
    assert headers["ratelimit-policy"] == POLICY
    assert headers["ratelimit"].startswith('"minute";r=287;t=') and '"monthly";r=49;t=' in headers["ratelimit"]
    lost = calls(api_event(method, "/v1/nowhere"))
    assert (lost["statusCode"], lost["headers"]["ratelimit-policy"]) == (404, POLICY)


def test_an_unknown_error_tells_the_limits_too() -> None:
    def crash(request: Request) -> Response:
        raise RuntimeError("secret")

    answer = Calls(answer=crash).post(key=None)
    assert (answer["statusCode"], answer["headers"]["ratelimit-policy"]) == (500, POLICY)
    assert "secret" not in answer["body"] and "x-request-id" in answer["headers"]


@pytest.mark.parametrize("where", ["route", "count"])
def test_a_part_that_does_not_answer_is_503(where: str) -> None:
    def away(_: object) -> Any:
        raise ConnectionError("db.internal")

    calls = Calls()
    setattr(calls, "answer" if where == "route" else "count", away)
    answer = calls.post(key=None)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "service-unavailable")
    assert answer["headers"]["retry-after"] == "2" and "db.internal" not in answer["body"]


def test_a_plain_read_runs_while_it_is_counted() -> None:
    calls = Calls(beside=True)
    ran = threading.Event()

    def answer(request: Request) -> Response:
        ran.set()
        return JSONResponse({"ok": 1}, 200, {"X-Y": "z"})

    def count(account: Account) -> Counted:
        assert ran.wait(5), "the route waits for the count"
        return Calls.count(calls, account)

    calls.answer, calls.count = answer, count  # type: ignore[method-assign]
    told = calls(api_event("GET", "/v1/things"))
    assert (told["statusCode"], json.loads(told["body"]), told["headers"]["x-y"]) == (200, {"ok": 1}, "z")
    assert told["headers"]["ratelimit-policy"] == POLICY


@pytest.mark.parametrize(("dead", "status"), [(False, 429), (True, 401)])
def test_a_read_that_was_refused_is_withheld(dead: bool, status: int) -> None:
    calls = Calls(lambda request: JSONResponse({"verdict": "told"}), allowed=False, dead=dead, beside=True)
    answer = calls(api_event("GET", "/v1/things"))
    assert (answer["statusCode"], calls.runs) == (status, 1) and "told" not in answer["body"]


@pytest.mark.parametrize(("method", "query"), [("POST", None), ("GET", {"wait": "20"})])
def test_what_acts_or_waits_is_counted_first(method: str, query: dict[str, str] | None) -> None:
    calls = Calls(allowed=False, beside=True)
    assert calls(api_event(method, "/v1/things", query=query))["statusCode"] == 429
    assert calls.runs == 0


def test_a_call_too_many_does_not_run() -> None:
    calls = Calls(allowed=False)
    answer = calls.post()
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["code"], body["violated-policies"]) == (429, "quota-exceeded", ["minute"])
    assert int(answer["headers"]["retry-after"]) >= 1 and answer["headers"]["ratelimit-policy"] == POLICY
    assert calls.runs == 0 and calls.attempts.ended == []


def test_a_key_that_died_meanwhile_is_refused() -> None:
    calls = Calls(dead=True)
    answer = calls.post()
    assert (answer["statusCode"], calls.runs) == (401, 0) and "www-authenticate" in answer["headers"]


def test_what_the_authorizer_told_is_the_account() -> None:
    calls, event = Calls(), api_event("GET", "/v1/things")
    event["requestContext"]["authorizer"] |= {
        "key_id": "key_1",
        "plan": "pro",
        "live": "false",
        "per_minute": "7",
        "expires_at": "99",
    }
    calls(event)
    (account,) = calls.counted
    assert (account.key_id, account.live, account.expires_at) == ("key_1", False, 99)
    assert (account.limits.per_minute, account.limits.per_month) == (7, None)


def test_a_plan_without_a_month_has_no_such_field() -> None:
    event = api_event("GET", "/v1/things")
    event["requestContext"]["authorizer"]["plan"] = "pro"
    assert Calls()(event)["headers"]["ratelimit-policy"] == '"minute";q=300;w=60'


def test_public_and_forwarded_calls_are_not_counted() -> None:
    calls, event = Calls(), api_event("GET", "/v1/things")
    assert "ratelimit" not in calls(api_event("GET", "/v1/things", tenant=None))["headers"]
    event["requestContext"]["forwardedFrom"] = "/v1/detect"
    assert "ratelimit" not in calls(event)["headers"]
    assert calls.counted == []


def test_every_function_with_routes_has_a_guard() -> None:
    sources = [*ROOT.glob("functions/*/app.py"), *ROOT.glob("functions/*.py")]
    calls = {
        (path.name, path.parent.name): node
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "create_app"
    }
    assert len(calls) >= 6
    assert [where for where, call in calls.items() if "guard" not in {k.arg for k in call.keywords}] == []
