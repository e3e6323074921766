"""Counts every call with a key, and tells on every answer where the limits stand (RateLimit fields of the IETF's HTTPAPI group)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forensics.domain.errors import DetectorError
from forensics.domain.limits import Account, Counted, Standing, exceeded, seconds_left
from forensics.web.context import account_of, forwarded_route, request_id
from forensics.web.problems import problem_response

if TYPE_CHECKING:
    from forensics.web.idempotency import Attempts


def never(error: Exception) -> bool:
    """Take no unknown error for a passing one."""
    return False


@dataclass(frozen=True)
class Guard:
    """What stands before every route: the counting of calls, and the memory of idempotency keys.

    With `reads_beside` a plain GET runs while its call is counted: for routes that tell nothing of the count.
    `passing` tells whether an error that nobody handled is a dependency's that may answer in a moment: 503, not 500.
    """

    count: Callable[[Account], Counted]
    month: Callable[[Account], Standing]
    attempts: Attempts | None = None
    reads_beside: bool = False
    passing: Callable[[Exception], bool] = never


class LimitCalls:
    """Refuses calls beyond the minute's limit; a call that a sibling function passed on was counted there."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app, self.guard = app, guard
        self.aside = ThreadPoolExecutor(max_workers=2, thread_name_prefix="limits")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope) if scope["type"] == "http" else None
        account = account_of(request) if request else None
        if request is None or account is None or forwarded_route(request) is not None:
            await self.app(scope, receive, send)
            return
        # A call that begins no detection leaves the month as it is: it can be read while the call is counted.
        early = None if scope["method"] == "POST" else self.aside.submit(self.guard.month, account)
        answer: ASGIApp = self.app
        count: Callable[[], Counted] = partial(self.guard.count, account)
        # What changes nothing may run while the call is counted, and be withheld.
        if self.guard.reads_beside and _only_reads(scope):
            count = self.aside.submit(count).result
            answer = await _answered(self.app, scope, receive)
        try:
            counted = count()
        except DetectorError as error:
            await problem_response(error, request_id=request_id(request))(scope, receive, send)
            return
        tell = self._telling(send, counted.minute, account, early)
        if counted.allowed:
            await answer(scope, receive, tell)
            return
        refusal = exceeded(counted.minute.window, account.limits.per_minute, datetime.now(UTC))
        await problem_response(refusal, request_id=request_id(request))(scope, receive, tell)

    def _telling(self, send: Send, minute: Standing, account: Account, early: Future[Standing] | None) -> Send:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                standings = [minute, early.result() if early else self.guard.month(account)]
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = policy_field(standings)
                headers["RateLimit"] = limit_field(standings, datetime.now(UTC))
            await send(message)

        return tell


def _only_reads(scope: Scope) -> bool:
    """Tell a plain read from one that may wait, list or search: those are counted first, so that a refusal costs nothing."""
    return scope["method"] == "GET" and not scope["query_string"]


async def _answered(app: ASGIApp, scope: Scope, receive: Receive) -> ASGIApp:
    """Run the app now, and return one that gives its answer."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)

    async def give(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return give


def policy_field(standings: Iterable[Standing]) -> str:
    """Return RateLimit-Policy, a structured list: quota and window in seconds of each limit."""
    return ", ".join(f'"{s.window.name}";q={s.quota};w={s.window.length_s}' for s in standings if s.quota is not None)


def limit_field(standings: Iterable[Standing], now: datetime) -> str:
    """Return RateLimit, a structured list: what is left of each limit, and the seconds until it is whole again."""
    return ", ".join(
        f'"{s.window.name}";r={s.remaining};t={seconds_left(s.window, now)}' for s in standings if s.quota is not None
    )
