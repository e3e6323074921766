"""The emulator's own process: MiniStack, the API under /v1, a few quicker settings, and an end when its parent ends.

Run as `python -m localcloud.gateway FD API_PATH`: FD is a listening socket inherited from the parent, API_PATH the
emulator's address of the deployed stage; standard input is a pipe that the parent holds open for as long as it lives.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Protocol

from localcloud.time_limits import keep_time_limits

# ASGI: the shapes are those of its specification
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_CONDITIONS = 1000  # whose grammar is remembered
KEEP_ALIVE_S = 75
_LOG_FIRST_LINE_S, _LOG_QUIET_S, _LOG_AT_MOST_S = 0.001, 0.0004, 0.05
_SCHEDULE_TICK_S = 1


def main() -> None:
    """Serve until killed."""
    descriptor, api_path = sys.argv[1:3]
    threading.Thread(target=_die_with_parent, daemon=True).start()
    for missing in quicken():
        print(f"localcloud: this MiniStack has no {missing}; works, but slower", file=sys.stderr)
    for missing in keep_time_limits():
        print(f"localcloud: this MiniStack has no {missing}; executions may run as long as they like", file=sys.stderr)
    import uvicorn
    from ministack.app import app

    # MiniStack itself comes with Hypercorn, whose parser in Python costs a millisecond of every small call
    config = uvicorn.Config(
        route_public(app, api_path),
        loop="auto",
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(descriptor))])


def route_public(app: App, api_path: str) -> App:
    """Return `app` with `/v1/...` and `/docs` led to the deployed stage, so that the base URL looks as it does in production.

    `/<stage>/v1/...` leads there too, as on the gateway's own host name: the links in answers are of that form.
    A signed request is an AWS call, never a caller of the API, and stays where it was sent.
    """

    stage = "/" + api_path.split("/")[-2]

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _signed(scope):
            path, raw_path = scope["path"].removeprefix(stage), scope["raw_path"].removeprefix(stage.encode())
            if path.startswith("/v1/") or path == "/docs":
                scope = {**scope, "path": api_path + path, "raw_path": api_path.encode() + raw_path}
        await app(scope, receive, send)

    return routed


def _signed(scope: Scope) -> bool:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return any(name.lower() == b"authorization" and value.startswith(b"AWS4-") for name, value in headers)


def quicken() -> list[str]:
    """Shorten three waits and one piece of work of MiniStack (private names) and return those that this version does not have.

    Nagle's algorithm on its Lambda Runtime API, the wait for a function's log lines after each call, and the
    scheduler's tick: together most of the time of a warm call. And the grammar check of a condition, made anew for every
    item of a query: most of the time of a list.
    """
    from ministack.core import lambda_runtime
    from ministack.services import dynamodb, scheduler

    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    missing = []
    if hasattr(getattr(lambda_runtime, "Worker", None), "_drain_stderr_bounded"):
        lambda_runtime.Worker._drain_stderr_bounded = _logged
    else:
        missing.append("lambda_runtime.Worker._drain_stderr_bounded")
    if hasattr(scheduler, "_SCHEDULE_TICK_INTERVAL"):
        scheduler._SCHEDULE_TICK_INTERVAL = _SCHEDULE_TICK_S
    else:
        missing.append("scheduler._SCHEDULE_TICK_INTERVAL")
    if hasattr(dynamodb, "_condition_syntax_error"):
        dynamodb._condition_syntax_error = lru_cache(_CONDITIONS)(dynamodb._condition_syntax_error)
    else:
        missing.append("dynamodb._condition_syntax_error")
    return missing


class _Logging(Protocol):
    _stderr_queue: queue.Queue[str]


def _logged(worker: _Logging, first_line_wait: float = _LOG_FIRST_LINE_S) -> str:
    """Return what a function wrote before it answered, waiting on the queue itself instead of looking again every millisecond.

    A line that comes later is not lost: it stands in the log of the function's next call.
    """
    lines: list[str] = []
    end = time.monotonic() + max(first_line_wait, _LOG_AT_MOST_S)
    with suppress(queue.Empty):
        while time.monotonic() < end:
            lines.append(worker._stderr_queue.get(timeout=_LOG_QUIET_S if lines else first_line_wait))
    return "\n".join(lines)


def _die_with_parent() -> None:
    # The pipe ends with the parent, also when that was killed outright and could not clean up itself.
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
