"""What stands before every route: the RateLimit fields, the Idempotency-Key, and the order of both."""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from forensics.domain.errors import IdempotencyInFlight, Unauthenticated
from forensics.domain.idempotency import Answer, Attempt
from forensics.domain.limits import Account, Counted, Standing, minute_window, month_window
from forensics.web.app import create_app, lambda_handler
from forensics.web.idempotency import attempt_of, idempotency_key
from forensics.web.limits import Guard
from tests.support.events import LambdaContext, api_event, json_body, multipart
from tests.support.fakes import START

ROOT = Path(__file__).resolve().parents[3]
POLICY = '"minute";q=300;w=60, "monthly";q=50;w=2592000'


@dataclass
class Attempts:
    """Remembers as the use case does, for one process."""

    kept: dict[str, tuple[str, Answer]] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)
    patience_s: float = 0

    def begin(self, record_id: str, fingerprint: str, *, patience_s: float) -> Attempt | Answer:
        self.patience_s = patience_s
        if record_id not in self.kept:
            return Attempt(record_id, fingerprint, "job_1", resumed=False)
        known, answer = self.kept[record_id]
        if known != fingerprint:
            raise IdempotencyInFlight(headers={"Retry-After": "2"})
        return answer

    def end(self, attempt: Attempt, answer: Answer) -> None:
        self.ended.append(answer.status)
        self.kept[attempt.record_id] = (attempt.holder, answer)

    def replay(self, tenant: str, answer: Answer) -> Answer:
        return answer


@dataclass
class Calls:
    """A route that counts how often it runs, behind a guard."""

    answer: Callable[[Request], Response] = lambda request: JSONResponse({"ok": 1}, 201, {"Location": "/x", "X-Y": "z"})
    allowed: bool = True
    dead: bool = False
    beside: bool = False
    runs: int = 0
    counted: list[Account] = field(default_factory=list)
    attempts: Attempts = field(default_factory=Attempts)

    def count(self, account: Account) -> Counted:
        if self.dead:
            raise Unauthenticated
        self.counted.append(account)
        return Counted(Standing(minute_window(START), account.limits.per_minute, 13), self.allowed)

    def month(self, account: Account) -> Standing:
        return Standing(month_window(START), account.limits.per_month, 1)

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        router = APIRouter()

        async def endpoint(request: Request) -> Response:
            self.runs += 1
            return self.answer(request)

        router.add_api_route("/things", endpoint, methods=["GET", "POST"])
        guard = Guard(self.count, self.month, self.attempts, self.beside, lambda e: isinstance(e, ConnectionError))
        app = create_app(router, guard=guard)
        return lambda_handler(app)(event, LambdaContext())  # type: ignore[arg-type]

    def post(self, key: str | None = "k", **body: Any) -> dict[str, Any]:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self(api_event("POST", "/v1/things", headers=headers, **(body or json_body({"a": 1}))))


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


def test_the_same_key_runs_once_and_is_answered_twice() -> None:
    calls = Calls()
    first, again = calls.post("k"), calls.post('"k"')
    assert (first["statusCode"], again["statusCode"], calls.runs) == (201, 201, 1)
    assert first["body"] == again["body"] and again["headers"]["location"] == "/x"
    assert again["headers"]["idempotency-replayed"] == "true" and "idempotency-replayed" not in first["headers"]
    assert "x-y" not in again["headers"] and again["headers"]["ratelimit-policy"] == POLICY
    assert 25 < calls.attempts.patience_s < 27  # what Lambda leaves, and a second


@pytest.mark.parametrize("key", [None])
def test_without_a_key_nothing_is_remembered(key: None) -> None:
    calls = Calls()
    calls.post(key)
    calls.post(key)
    calls(api_event("GET", "/v1/things", headers={"Idempotency-Key": "k"}))
    assert (calls.runs, calls.attempts.ended) == (3, [])


SAME = [
    (
        json_body({"a": 1, "b": [2]}),
        {"body": b'{ "b":[2],\n"a" : 1}', "content_type": "application/json; charset=utf-8"},
    ),
    (multipart(b"x", a="1", b="2"), multipart(b"x", b="2", filename="other.png", a="1")),
    (
        multipart(b"x", a="1"),
        {
            "body": multipart(b"x", a="1")["body"].replace(b"----boundary7MA4YWxkTrZu0gW", b"another"),
            "content_type": "multipart/form-data; boundary=another",
        },
    ),
]
OTHER = [
    (json_body({"a": 1}), json_body({"a": 2})),
    (json_body({"a": 1}), json_body({"a": "1"})),
    (multipart(b"x", a="1"), multipart(b"y", a="1")),
    (multipart(b"x", a="1"), multipart(b"x", a="2")),
    (multipart(b"x"), {"body": b"x", "content_type": "application/octet-stream"}),
    ({"body": b"{", "content_type": "application/json"}, {"body": b"{{", "content_type": "application/json"}),
    (multipart(a="x"), multipart(b="x")),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_what_means_the_same_is_the_same(first: dict[str, Any], second: dict[str, Any]) -> None:
    calls = Calls()
    assert (calls.post(**first)["statusCode"], calls.post(**second)["statusCode"], calls.runs) == (201, 201, 1)


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_another_content_is_told_apart(first: dict[str, Any], second: dict[str, Any]) -> None:
    calls = Calls()
    calls.post(**first)
    answer = calls.post(**second)
    assert (answer["statusCode"], answer["headers"]["retry-after"], calls.runs) == (409, "2", 1)


def test_the_route_reads_the_body_that_was_fingerprinted() -> None:
    seen: list[str] = []

    def answer(request: Request) -> Response:
        attempt = attempt_of(request)
        seen.append(attempt.job_id if attempt else "none")
        return JSONResponse({})

    calls = Calls(answer=answer)
    calls.post("k")
    calls.post(None)
    assert seen == ["job_1", "none"]


def test_a_forwarded_calls_route_is_the_one_that_was_asked() -> None:
    calls = Calls()
    event = api_event("POST", "/v1/things", headers={"Idempotency-Key": "k"}, **json_body({}))
    calls(event)
    event["requestContext"] = {**event["requestContext"], "forwardedFrom": "/v1/other"}
    calls(event)
    assert calls.runs == 2


def keyed(*values: str) -> Request:
    return Request({"type": "http", "headers": [(b"idempotency-key", v.encode("latin-1")) for v in values]})


@pytest.mark.parametrize(
    ("value", "key"),
    [("a", "a"), ('"a b"', "a b"), (r'"a\"b\\"', 'a"b\\'), ("x" * 255, "x" * 255), (" 8e03-~ ", "8e03-~")],
)
def test_a_key_is_bare_or_a_quoted_string(value: str, key: str) -> None:
    assert idempotency_key(keyed(value)) == key


@pytest.mark.parametrize("value", ["", '""', "a b", 'a"b', '"a', "x" * 256, "\xe9", "a\tb", '"a\\n"'])
def test_any_other_form_is_refused_before_it_runs(value: str) -> None:
    calls = Calls()
    answer = calls.post(value)
    assert (answer["statusCode"], calls.runs) == (400, 0)
    assert json.loads(answer["body"])["errors"][0]["pointer"] == "/header/Idempotency-Key"


def test_two_keys_are_none() -> None:
    with pytest.raises(Exception, match="Idempotency-Key"):
        idempotency_key(keyed("a", "b"))


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
