"""The Idempotency-Key header: one attempt at a time, one answer for a key, whatever form the body takes on its way."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from starlette.datastructures import Headers, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forensics.domain.errors import DetectorError, FieldError, InvalidRequest
from forensics.domain.idempotency import MAX_KEY_CHARS, Answer, Attempt, record_id
from forensics.web.context import account_of, forwarded_route, request_id
from forensics.web.echoes import with_words, without_words
from forensics.web.problems import problem_response

REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("content-type", "location", "link", "etag", "preference-applied", "retry-after")
DETECT_PREFIX = "/v1/detect"
PATIENCE_S = 30.0  # of an attempt that Lambda tells no time limit
AFTER_TIMEOUT_S = 1.0  # a function that ran out of its time is dead for sure this long after
_SCOPE_KEY = "forensics.attempt"
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')  # a string of RFC 8941
_BARE = re.compile(r"[\x21\x23-\x7e]+")


class Attempts(Protocol):
    """The use case behind; `usecases.idempotency` has the promises of each call."""

    def begin(self, record_id: str, fingerprint: str, *, patience_s: float) -> Attempt | Answer: ...

    def end(self, attempt: Attempt, answer: Answer) -> None: ...

    def replay(self, tenant: str, answer: Answer) -> Answer: ...


def attempt_of(request: Request) -> Attempt | None:
    """Return the attempt that a route runs in; None for a call without an Idempotency-Key."""
    found = request.scope.get(_SCOPE_KEY)
    return found if isinstance(found, Attempt) else None


class RememberAnswers:
    """Runs a POST with an Idempotency-Key at most once, and gives its answer again for 24 hours."""

    def __init__(self, app: ASGIApp, attempts: Attempts) -> None:
        self.app, self.attempts = app, attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or "idempotency-key" not in Headers(scope=scope):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        account = account_of(request)
        if account is None:
            await self.app(scope, receive, send)
            return
        try:
            response = await self._answer(request, account.tenant)
        except DetectorError as error:
            response = problem_response(error, request_id=request_id(request))
        await response(scope, receive, send)

    async def _answer(self, request: Request, tenant: str) -> Response:
        route = forwarded_route(request) or request.url.path
        key = idempotency_key(request)
        body = await request.body()
        prints = await fingerprint(request, route, body)
        begun = self.attempts.begin(record_id(tenant, route, key), prints, patience_s=_time_left_s(request))
        if isinstance(begun, Answer):
            return _response(with_words(self.attempts.replay(tenant, begun), body), replayed=True)
        caught = _Caught()
        await self.app({**request.scope, _SCOPE_KEY: begun}, _again(body), caught)
        # Remembered before it is sent: an answer that was given must be the one that is given again.
        self.attempts.end(begun, without_words(caught.answer(route), body))
        return caught.response()


def idempotency_key(request: Request) -> str:
    """Return the key, given as a quoted string of RFC 8941 or bare; raises InvalidRequest for any other form."""
    values = request.headers.getlist("idempotency-key")
    text = values[0].strip() if len(values) == 1 else ""
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else text if _BARE.fullmatch(text) else ""
    if not 1 <= len(key) <= MAX_KEY_CHARS:
        fault = FieldError("/header/Idempotency-Key", f"not 1 to {MAX_KEY_CHARS} printable ASCII characters")
        raise InvalidRequest("The Idempotency-Key is not valid.", errors=[fault])
    return key


async def fingerprint(request: Request, route: str, body: bytes) -> str:
    """Return the SHA-256 of what is asked: method, route and content; not of a form's boundary or a file's name."""
    digest = hashlib.sha256()
    for part in (request.method.encode(), route.encode(), *await _canonical(request, body)):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


async def _canonical(request: Request, body: bytes) -> list[bytes]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            return [json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()]
        if kind == "multipart/form-data":
            return sorted([part async for part in _parts(request, body)])
    except Exception:  # whatever is wrong with the body, the route says; here its bytes are what was sent
        return [kind.encode(), body]
    return [kind.encode(), body]


async def _parts(request: Request, body: bytes) -> AsyncIterator[bytes]:
    async with Request(request.scope, _again(body)).form(max_files=10, max_fields=100) as form:
        for name, value in form.multi_items():
            content = await value.read() if isinstance(value, UploadFile) else value.encode()
            is_file = b"file" if isinstance(value, UploadFile) else b"text"
            yield hashlib.sha256(b"\0".join((is_file, name.encode(), content))).digest()


class _Caught:
    """Takes an answer instead of the caller."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def answer(self, route: str) -> Answer:
        kept = {name.decode(): value.decode("latin-1") for name, value in self.headers if name.decode() in KEPT_HEADERS}
        return Answer(self.status, kept, self.body, self._job_id() if route.startswith(DETECT_PREFIX) else None)

    def _job_id(self) -> str | None:
        """The job that a detect answer is about, when it is about one."""
        if self.status not in (200, 202):
            return None
        found = json.loads(self.body).get("job_id")
        return found if isinstance(found, str) else None

    def response(self) -> Response:
        response = Response(self.body, self.status)
        response.raw_headers = self.headers
        return response


def _response(answer: Answer, *, replayed: bool) -> Response:
    headers = {**answer.headers, **({REPLAYED: "true"} if replayed else {})}
    return Response(answer.body or b"", answer.status, headers)


def _again(body: bytes) -> Receive:
    """Return a receive that gives a body which has been read once more."""
    messages: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive


def _time_left_s(request: Request) -> float:
    remaining = getattr(request.scope.get("aws.context"), "get_remaining_time_in_millis", None)
    return (remaining() / 1000 if callable(remaining) else PATIENCE_S) + AFTER_TIMEOUT_S
