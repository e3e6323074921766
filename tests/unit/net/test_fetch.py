from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from forensics.domain.errors import MediaFetchFailed, MediaUrlForbidden, PayloadTooLarge
from forensics.net.fetch import GuardedFetch

BODY = bytes(range(256)) * 40
seen: list[tuple[str, dict[str, str]]] = []


class Site(BaseHTTPRequestHandler):
    """A site on loopback whose paths misbehave each in its way."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        seen.append((self.path, dict(self.headers)))
        name, _, rest = self.path[1:].partition("?")[0].partition("/")
        try:
            getattr(self, f"path_{name}", self.path_missing)(rest)
        except OSError:
            pass  # the fetcher hung up, as it should

    def path_ok(self, rest: str) -> None:
        self.head(200, {"Content-Length": str(len(BODY))})
        self.wfile.write(BODY)

    def path_gzip(self, rest: str) -> None:
        self.head(200, {"Content-Length": "4", "Content-Encoding": "gzip"})
        self.wfile.write(b"\x1f\x8b!!")

    def path_redirect(self, rest: str) -> None:
        left = int(rest)
        self.head(302, {"Location": f"/redirect/{left - 1}" if left else "/ok", "Content-Length": "0"})

    def path_inside(self, rest: str) -> None:
        self.head(302, {"Location": "https://169.254.169.254/latest/meta-data/", "Content-Length": "0"})

    def path_short(self, rest: str) -> None:
        self.head(200, {"Content-Length": "999999", "Connection": "close"})
        self.wfile.write(BODY)

    def path_endless(self, rest: str) -> None:
        self.head(200, {"Connection": "close"})
        while True:
            self.wfile.write(BODY)

    def path_drip(self, rest: str) -> None:
        self.head(200, {"Content-Length": "100000"})
        self.drip()

    def path_dripheaders(self, rest: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self.drip()

    def path_missing(self, rest: str) -> None:
        self.head(404, {"Content-Length": "0"})

    def drip(self) -> None:
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


fetch = GuardedFetch(allow_loopback=True, deadline_s=1.0, idle_s=0.5)


@pytest.mark.parametrize("path", ["/ok", "/redirect/2"])
def test_a_file_is_fetched(site: str, path: str) -> None:
    assert fetch(site + path, max_bytes=len(BODY)) == BODY


def test_no_credentials_and_no_compression_are_sent(site: str) -> None:
    seen.clear()
    fetch(site + "/ok?signature=1", max_bytes=len(BODY))
    path, headers = seen[0]
    assert path == "/ok?signature=1"
    assert not {"Authorization", "Cookie", "Referer"} & set(headers)
    assert headers["Accept-Encoding"] == "identity" and headers["Host"] == site.removeprefix("http://")


def test_a_compressed_body_is_never_inflated(site: str) -> None:
    assert fetch(site + "/gzip", max_bytes=10) == b"\x1f\x8b!!"


def test_the_byte_cap_holds_for_endless_bodies(site: str) -> None:
    with pytest.raises(PayloadTooLarge):
        fetch(site + "/endless", max_bytes=100_000)
    with pytest.raises(PayloadTooLarge):
        fetch(site + "/ok", max_bytes=len(BODY) - 1)


def test_the_head_alone_is_fetched(site: str) -> None:
    assert fetch.head(site + "/endless", max_bytes=4096) == (BODY + BODY)[:4096]
    assert fetch.head(site + "/ok", max_bytes=len(BODY) * 2) == BODY


@pytest.mark.parametrize("path", ["/nothing", "/short", "/drip", "/dripheaders", "/redirect/3"])
def test_faults_are_one_uniform_error_in_time(site: str, path: str) -> None:
    start = time.monotonic()
    with pytest.raises(MediaFetchFailed) as caught:
        fetch(site + path, max_bytes=1_000_000)
    assert caught.value.detail == "The URL could not be fetched as a public HTTPS file."
    assert time.monotonic() - start < 3  # the deadline is 1 s


def test_a_redirect_is_checked_like_the_first_url(site: str) -> None:
    with pytest.raises(MediaUrlForbidden):
        fetch(site + "/inside", max_bytes=100)


def test_a_private_name_is_never_connected_to(site: str) -> None:
    port = int(site.rpartition(":")[2])
    private = GuardedFetch(resolver=lambda host, _port: ["127.0.0.1"])
    seen.clear()
    with pytest.raises(MediaFetchFailed):
        private("https://rebound.example/ok", max_bytes=100)
    with pytest.raises(MediaUrlForbidden):
        private(f"https://rebound.example:{port}/ok", max_bytes=100)
    assert seen == []


def test_a_name_that_does_not_resolve_is_the_same_error() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(MediaFetchFailed) as caught:
        GuardedFetch(resolver=nothing)("https://nowhere.example/", max_bytes=1)
    assert caught.value.detail == "The URL could not be fetched as a public HTTPS file."
