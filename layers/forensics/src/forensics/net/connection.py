"""One connection to one checked address: look up once, check every answer, connect there, keep the name for TLS and Host.

Nothing else in this package opens a connection. Whatever fails is one Unreachable, and all of it together ends in time.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException

from forensics.net.addresses import allowed
from forensics.net.urls import LOOPBACK_HOSTS, Target

USER_AGENT = "deepfake-detection-api/1"

Resolver = Callable[[str, int], list[str]]
Dialer = Callable[[str, int, float], socket.socket]


class Unreachable(Exception):
    """The other side may not be reached, cannot be, or does not speak HTTP; `late` says that the time was up."""

    def __init__(self, *, late: bool = False) -> None:
        super().__init__("timeout" if late else "unreachable")
        self.late = late


def resolve(host: str, port: int) -> list[str]:
    """Return every A and AAAA answer of one look-up, in the order in which this machine would use them."""
    # The root's dot keeps the search list out: "db.example.com" must never become "db.example.com.corp.internal".
    name = host if host in LOOPBACK_HOSTS else f"{host}."
    answers = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def dial(address: str, port: int, timeout_s: float) -> socket.socket:
    """Connect to an address; proxies of the environment are not for callers' URLs."""
    return socket.create_connection((address, port), timeout=timeout_s)


@cache
def public_trust() -> ssl.SSLContext:
    """Return TLS 1.2 and up against the system's authorities, made once: reading them takes milliseconds."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True)
class Network:
    """The three ways in which this package touches the outside; tests put in their own."""

    resolver: Resolver = resolve
    dialer: Dialer = dial
    trust: Callable[[], ssl.SSLContext] = public_trust


PUBLIC_INTERNET = Network()


class _Connected(HTTPConnection):
    """Speaks over the socket that it is given, and never opens one by itself."""

    def __init__(self, target: Target, sock: socket.socket) -> None:
        super().__init__(target.host, target.port)
        self.sock = sock

    def connect(self) -> None:
        raise ConnectionError("one connection, one request")


def checked_address(target: Target, *, network: Network = PUBLIC_INTERNET, within_s: float) -> str:
    """Return the address to connect to; raises Unreachable unless EVERY answer of the one look-up may be reached."""
    answers = [target.host] if target.literal else _look_up(target, network.resolver, within_s)
    try:
        addresses = [ipaddress.ip_address(answer) for answer in answers]
    except ValueError as exc:
        raise Unreachable from exc
    if not addresses or not all(allowed(address, allow_loopback=target.allow_loopback) for address in addresses):
        raise Unreachable
    return str(addresses[0])


@contextmanager
def guarded_connection(target: Target, *, network: Network, idle_s: float, whole_s: float) -> Iterator[HTTPConnection]:
    """Connect to the target's checked address for the length of a `with` block.

    `idle_s` bounds each wait, `whole_s` the look-up, the connection and the block together. Raises Unreachable, also for
    what goes wrong in the block: socket and TLS errors, broken HTTP, an end after the time.
    """
    deadline = time.monotonic() + whole_s
    try:
        address = checked_address(target, network=network, within_s=min(idle_s, whole_s))
        sock = network.dialer(address, target.port, max(0.001, min(idle_s, deadline - time.monotonic())))
        with sock, _cut_off(sock, deadline), _secured(sock, target, network) as ready:
            if isinstance(ready, ssl.SSLSocket):
                ready.do_handshake()
            connection = _Connected(target, ready)
            try:
                yield connection
            finally:
                connection.close()
    except (HTTPException, OSError, ValueError) as exc:
        raise Unreachable(late=isinstance(exc, TimeoutError) or time.monotonic() >= deadline) from exc
    # A cut-off reads like the end of the headers or of a body without a length: what came late is never taken for whole.
    if time.monotonic() >= deadline:
        raise Unreachable(late=True)


@contextmanager
def _cut_off(sock: socket.socket, deadline: float) -> Iterator[None]:
    """Shut the connection down at the deadline: per-read timeouts start anew with every dripped byte."""
    handle = sock.dup()  # stays ours when TLS takes the socket over, so that a dripped handshake ends too
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), _shut_down, [handle])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        handle.close()


def _shut_down(handle: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        handle.shutdown(socket.SHUT_RDWR)


def _secured(sock: socket.socket, target: Target, network: Network) -> socket.socket:
    """Put TLS around the socket; the handshake is left to the caller's `with`, which closes it however that ends."""
    if target.scheme == "http":
        return sock
    return network.trust().wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)


def _look_up(target: Target, resolver: Resolver, within_s: float) -> list[str]:
    """Ask in a thread of its own: the system's resolver has no time limit that can be set."""
    answer: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(resolver(target.host, target.port))
        except (OSError, ValueError):
            answer.put([])

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.get(timeout=within_s)
    except queue.Empty:
        raise Unreachable(late=True) from None
