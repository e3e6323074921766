"""The Idempotency-Key before a route: its forms, what counts as the same request, and the answer that comes again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from forensics.web.idempotency import attempt_of, idempotency_key
from tests.support.events import api_event, json_body, multipart
from tests.support.guarded import POLICY, Calls


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
