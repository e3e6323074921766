"""A route behind a guard: how often it runs, who was counted, and what is remembered of its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from forensics.domain.errors import IdempotencyInFlight, Unauthenticated
from forensics.domain.idempotency import Answer, Attempt
from forensics.domain.limits import Account, Counted, Standing, minute_window, month_window
from forensics.web.app import create_app, lambda_handler
from forensics.web.limits import Guard
from tests.support.events import LambdaContext, api_event, json_body
from tests.support.fakes import START

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
