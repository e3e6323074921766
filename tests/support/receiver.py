"""A receiver of webhooks on loopback: it verifies every message, remembers all, and misbehaves as it is told to."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from examples.webhook_receiver import NotOurs, verify


@dataclass(frozen=True)
class Message:
    """One request as it arrived, `at` seconds since the epoch."""

    headers: Mapping[str, str]
    body: bytes
    at: float
    path: str

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def signed_with(self, secret: str) -> bool:
        try:
            verify(secret, self.headers, self.body, now=self.at)
        except NotOurs:
            return False
        return True


@dataclass
class Reply:
    """What to answer: a status, headers, and how long to be silent before."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0


@dataclass
class Receiver:
    """`reply` decides about each message; `accepted` are those that were answered with 2xx."""

    url: str
    messages: list[Message] = field(default_factory=list)
    accepted: list[Message] = field(default_factory=list)
    reply: Callable[[Message], Reply] = lambda message: Reply()

    def wait_for(self, done: Callable[[], bool], *, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message.event["type"] == kind]


@contextlib.contextmanager
def receiver(*, port: int = 0, known: Receiver | None = None) -> Iterator[Receiver]:
    """Serve for the length of a `with` block; `known` goes on with what an earlier receiver has seen."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            message = Message(headers, body, time.time(), self.path)
            found.messages.append(message)
            reply = found.reply(message)
            time.sleep(reply.after_s)
            with contextlib.suppress(OSError):  # the sender hung up
                self.send_response(reply.status)
                for name, value in {**reply.headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()
            if 200 <= reply.status < 300:
                found.accepted.append(message)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    found = known or Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
