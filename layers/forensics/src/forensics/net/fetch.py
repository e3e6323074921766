"""Fetch a caller's URL without becoming the caller's proxy (SSRF guard).

The name is resolved once, every address must be public, and the connection goes to a checked address under the original
name. Redirects are followed by hand, each checked like the first. Everything that depends on the network fails with one
uniform MediaFetchFailed, so that the answer tells nothing about our network.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import urljoin

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from forensics.domain.errors import DetectorError, MediaFetchFailed, PayloadTooLarge
from forensics.net.addresses import Target, check_url, resolve

USER_AGENT = "deepfake-detection-api/1"
REDIRECTS = (301, 302, 303, 307, 308)
CHUNK_BYTES = 1 << 16
UNIFORM_DETAIL = "The URL could not be fetched as a public HTTPS file."


@dataclass(frozen=True)
class GuardedFetch:
    """Downloads public https URLs; `allow_loopback` opens http and https on loopback for a local cloud only."""

    allow_loopback: bool = False
    deadline_s: float = 15.0
    idle_s: float = 5.0  # the longest wait for a connection or for the next byte
    max_redirects: int = 3
    resolver: Callable[[str, int], list[str]] = resolve

    def __call__(self, url: str, *, max_bytes: int) -> bytes:
        """Return the whole file; raises MediaUrlForbidden (by the URL's text), MediaFetchFailed or PayloadTooLarge."""
        return self._fetch(url, max_bytes=max_bytes, whole=True)

    def head(self, url: str, *, max_bytes: int) -> bytes:
        """Return at most the first `max_bytes` of the file; same errors."""
        return self._fetch(url, max_bytes=max_bytes, whole=False)

    def _fetch(self, url: str, *, max_bytes: int, whole: bool) -> bytes:
        deadline = time.monotonic() + self.deadline_s
        for _ in range(self.max_redirects + 1):
            target = check_url(url, allow_loopback=self.allow_loopback)
            try:
                answer = self._get(target, deadline, max_bytes, whole)
            except DetectorError:
                raise
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
                raise MediaFetchFailed(UNIFORM_DETAIL) from exc
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer.location)
        raise MediaFetchFailed(UNIFORM_DETAIL)

    def _get(self, target: Target, deadline: float, max_bytes: int, whole: bool) -> bytes | _Redirect:
        checked = replace(target, address=target.checked_address(self.resolver))
        left_s = max(0.1, deadline - time.monotonic())
        with guarded_connection(checked, idle_s=self.idle_s, whole_s=left_s) as connection:
            headers = {"Host": checked.host_header, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
            connection.request("GET", checked.path, headers=headers, preload_content=False, decode_content=False)
            response = connection.getresponse()
            if response.status in REDIRECTS and (location := response.headers.get("Location")):
                return _Redirect(location)
            if response.status != 200:
                raise MediaFetchFailed(UNIFORM_DETAIL)
            return _read(response, deadline, max_bytes, whole)


@dataclass(frozen=True)
class _Redirect:
    location: str


@dataclass
class _CutOff:
    """Shuts the connection's socket down when time is up: per-read timeouts start anew with every dripped byte."""

    connection: HTTPConnection
    socket: socket.socket | None = None

    def __call__(self) -> None:
        if (sock := self.socket or self.connection.sock) is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextmanager
def guarded_connection(target: Target, *, idle_s: float, whole_s: float) -> Iterator[HTTPConnection]:
    """Connect to the target's checked address for the length of a `with` block, which is cut off after `whole_s` seconds."""
    connection = _connection(target, timeout_s=min(idle_s, whole_s))
    cut_off = _CutOff(connection)
    timer = threading.Timer(whole_s, cut_off)
    timer.daemon = True
    timer.start()
    try:
        connection.connect()
        cut_off.socket = connection.sock
        yield connection
    finally:
        timer.cancel()
        connection.close()


def _connection(target: Target, *, timeout_s: float) -> HTTPConnection:
    if target.scheme == "http":
        return HTTPConnection(target.address, target.port, timeout=timeout_s)
    return HTTPSConnection(
        target.address,
        target.port,
        timeout=timeout_s,
        cert_reqs="CERT_REQUIRED",
        server_hostname=target.host,
        assert_hostname=target.host,
    )


def _read(response: urllib3.BaseHTTPResponse, deadline: float, max_bytes: int, whole: bool) -> bytes:
    body = bytearray()
    while chunk := response.read1(CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            if not whole:
                return bytes(body[:max_bytes])
            raise PayloadTooLarge(f"The file behind the URL has more than {max_bytes} bytes.")
    # A cut-off reads like the end of the headers or of a body without a length: what came late is never taken for whole.
    if time.monotonic() >= deadline:
        raise MediaFetchFailed(UNIFORM_DETAIL)
    expected = response.headers.get("Content-Length")
    if expected is not None and expected.isdigit() and int(expected) != len(body):
        raise MediaFetchFailed(UNIFORM_DETAIL)
    return bytes(body)
