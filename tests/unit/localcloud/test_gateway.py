"""The emulator's process: which requests become calls of the API, and that it works with another MiniStack."""

from __future__ import annotations

import asyncio
from time import sleep

import pytest
from ministack.core import lambda_runtime
from ministack.services import dynamodb, scheduler

from localcloud.gateway import Receive, Scope, Send, quicken, route_public

API_PATH = "/restapis/local/prod/_user_request_"


def routed(path: str, *headers: tuple[bytes, bytes], kind: str = "http") -> Scope:
    """The scope that the inner app gets."""
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def never() -> Scope:
        raise AssertionError("nothing is read")

    async def nothing(message: Scope) -> None:
        raise AssertionError("nothing is sent")

    scope = {"type": kind, "path": path, "raw_path": path.encode(), "headers": list(headers)}
    asyncio.run(route_public(app, API_PATH)(scope, never, nothing))
    return seen[0]


@pytest.mark.parametrize("path", ["/v1/jobs/a%20b", "/prod/v1/jobs/a%20b"])
def test_the_api_answers_under_v1_and_under_its_stage(path: str) -> None:
    scope = routed(path, (b"authorization", b"Bearer dd_test_x"))
    assert scope["path"] == API_PATH + "/v1/jobs/a%20b"
    assert scope["raw_path"] == API_PATH.encode() + b"/v1/jobs/a%20b"


@pytest.mark.parametrize("path", ["/docs", "/prod/docs"])
def test_the_page_lies_beside_v1(path: str) -> None:
    assert routed(path)["path"] == API_PATH + "/docs"


@pytest.mark.parametrize(
    "path",
    ["/", "/docs/x", "/v1", "/v10/x", "/prod", "/prod/x", "/production/v1/x", "/bucket/v1/x", "/_ministack/health"],
)
def test_other_paths_stay(path: str) -> None:
    assert routed(path)["path"] == path


def test_a_signed_call_is_for_aws() -> None:
    assert routed("/v1/tags", (b"Authorization", b"AWS4-HMAC-SHA256 Credential=test"))["path"] == "/v1/tags"


def test_a_websocket_stays() -> None:
    assert routed("/v1/x", kind="websocket")["path"] == "/v1/x"


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    drain = lambda_runtime.Worker._drain_stderr_bounded
    monkeypatch.setattr(lambda_runtime.Worker, "_drain_stderr_bounded", drain)
    monkeypatch.setattr(scheduler, "_SCHEDULE_TICK_INTERVAL", scheduler._SCHEDULE_TICK_INTERVAL)
    monkeypatch.setattr(dynamodb, "_condition_syntax_error", dynamodb._condition_syntax_error)
    return monkeypatch


def test_the_pinned_ministack_is_quickened(restored: pytest.MonkeyPatch) -> None:
    assert quicken() == []
    assert dynamodb._condition_syntax_error("tenant = :t", "KeyConditionExpression") is None
    assert "Syntax error" in str(dynamodb._condition_syntax_error("tenant = = :t", "KeyConditionExpression"))
    assert scheduler._SCHEDULE_TICK_INTERVAL == 1


def test_another_ministack_still_works(restored: pytest.MonkeyPatch) -> None:
    restored.delattr(scheduler, "_SCHEDULE_TICK_INTERVAL")
    restored.delattr(dynamodb, "_condition_syntax_error")
    restored.delattr(lambda_runtime.Worker, "_drain_stderr_bounded")
    assert [name.split(".")[0] for name in quicken()] == ["lambda_runtime", "scheduler", "dynamodb"]


def test_log_lines_of_a_call_are_waited_for_on_their_queue(restored: pytest.MonkeyPatch) -> None:
    quicken()
    worker = lambda_runtime.Worker("name", {}, b"")
    assert worker._drain_stderr_bounded() == ""
    for line in ("one", "two"):
        worker._stderr_queue.put(line)
    assert worker._drain_stderr_bounded() == "one\ntwo"


def test_a_function_that_never_stops_writing_is_not_waited_for_longer(restored: pytest.MonkeyPatch) -> None:
    quicken()
    worker = lambda_runtime.Worker("name", {}, b"")

    class Endless:
        def get(self, timeout: float) -> str:
            sleep(0.001)
            return "line"

    worker._stderr_queue = Endless()
    assert 1 <= worker._drain_stderr_bounded(first_line_wait=0.001).count("line") <= 60
