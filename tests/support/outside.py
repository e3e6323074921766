"""The internet in small: listeners on loopback, names with the answers that a test gives them, and a trap for everything else."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from forensics.net.connection import Network
from tests.support.tls import TlsAuthority

SITE_ADDRESSES = ("93.184.216.34", "151.101.1.140", "2606:2800:220:1::1")  # public ones, all led to the one site
DOMAIN = "public.example"


@dataclass(frozen=True)
class Request:
    """What the site saw of one request."""

    sni: str | None
    head: str
    body: bytes

    @property
    def path(self) -> str:
        return self.head.split(" ")[1]

    def header(self, name: str) -> str | None:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return next((value for key, _, value in lines if key.lower() == name.lower()), None)


Respond = Callable[[socket.socket, Request], None]


@dataclass
class Listener:
    """Accepts on loopback, counts, and hands each connection to `serve` in a thread of its own."""

    serve: Callable[[socket.socket], None]
    accepted: int = 0
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self.server.getsockname()[1])

    @contextmanager
    def running(self) -> Iterator[Listener]:
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            with suppress(OSError):
                self.server.shutdown(socket.SHUT_RDWR)
            self.server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection = self.server.accept()[0]
                self.accepted += 1
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the other side hung up, as it should
            self.serve(connection)


@dataclass
class Outside:
    """One TLS site behind every public address, and a trap behind all others, so that a wrong connection is seen.

    `answers` are a name's look-ups in turn, of which the last stays; other names of DOMAIN are the site's. `respond`
    answers requests; `before_tls` takes the bare connection instead.
    """

    authority: TlsAuthority
    respond: Respond
    before_tls: Respond | None = None
    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    dialled: list[tuple[str, int]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[Outside]:
        contexts = {
            "": self.authority.server([DOMAIN, f"*.{DOMAIN}"]),
            f"expired.{DOMAIN}": self.authority.server([f"expired.{DOMAIN}"], days=-1),
            f"other.{DOMAIN}": self.authority.server([f"another.{DOMAIN}"]),
            f"stranger.{DOMAIN}": TlsAuthority(self.authority.folder).server([f"stranger.{DOMAIN}"]),
        }

        def choose(sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            sock.context = contexts.get(name or "", contexts[""])
            sock.sni = name  # type: ignore[union-attr]

        contexts[""].sni_callback = choose
        self._tls = contexts[""]
        with ExitStack() as stack:
            self.site = stack.enter_context(Listener(self._serve).running())
            self.trap = stack.enter_context(Listener(lambda connection: None).running())
            yield self

    @cached_property
    def network(self) -> Network:
        trust = self.authority.trust()
        return Network(self.resolve, self.dial, lambda: trust)

    def resolve(self, host: str, port: int) -> list[str]:
        self.looked_up.append(host)
        turns = self.answers.get(host, [SITE_ADDRESSES[:1]])
        return list(turns.pop(0) if len(turns) > 1 else turns[0])

    def dial(self, address: str, port: int, timeout_s: float) -> socket.socket:
        self.dialled.append((address, port))
        listener = self.site if address in SITE_ADDRESSES and port == 443 else self.trap
        return socket.create_connection(("127.0.0.1", listener.port), timeout=timeout_s)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        if self.before_tls is not None:
            self.before_tls(connection, Request(None, "", b""))
            return
        with self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            secured.do_handshake()
            request = _read_request(secured)
            self.requests.append(request)
            self.respond(secured, request)


def outside(folder: Path, respond: Respond, *, before_tls: Respond | None = None) -> Outside:
    """Return an Outside with an authority of its own; `folder` holds its keys."""
    return Outside(TlsAuthority(folder), respond, before_tls)


def _read_request(sock: ssl.SSLSocket) -> Request:
    data = b""
    while b"\r\n\r\n" not in data and (part := sock.recv(65536)):
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    request = Request(getattr(sock, "sni", None), head.decode("latin-1"), b"")
    length = int(request.header("Content-Length") or 0)
    while len(body) < length and (part := sock.recv(65536)):
        body += part
    return Request(request.sni, request.head, body)
