"""What the guarded fetch brings, where it connects to for it, what it says on the way, and what it never tells a log."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Iterator

import pytest

from forensics.domain.errors import DetectorError, MediaFetchFailed, MediaUrlForbidden, PayloadTooLarge
from forensics.net import connection
from forensics.net.connection import Network, resolve
from forensics.net.fetch import UNIFORM_DETAIL, GuardedFetch
from tests.support.outside import Outside, Request, outside

BODY = bytes(range(256)) * 40
SECRET = "X-Amz-Signature=0f1e2d3c4b5a"
HOPS = {
    "/one": "/two?from=one",
    "/two?from=one": "//cdn.public.example/three",
    "/three": "https://v6.public.example/bücher%20.jpg?sig=1&x=ü#part",
    "/a": "/b",
    "/b": "/c",
    "/c": "/d",
    "/d": "/e",
    "/signed": f"https://cdn.public.example/broken?{SECRET}",
    "/inside": "https://169.254.169.254/latest/meta-data/",
}


def respond(client: socket.socket, request: Request) -> None:
    path = request.path
    if path in HOPS:
        # a site that would love to get its cookie back, and one that sends UTF-8 as it is
        head = f"HTTP/1.1 302 Found\r\nLocation: {HOPS[path]}\r\nSet-Cookie: id=1; Domain=public.example\r\n\r\n"
        client.sendall(head.encode())
    elif path.startswith("/broken"):
        client.sendall(b"HTTP/1.1 200 OK\r\nno colon here\r\n : folded\r\nContent-Length: 9\r\n\r\nshort")
    elif path.startswith("/status/"):
        client.sendall(f"HTTP/1.1 {path[8:11]} Reason\r\nContent-Length: 4\r\n\r\nfile".encode())
    elif path.startswith("/chunked"):
        client.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n"
        )
    elif path.startswith("/close"):
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)
    else:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("keys"), respond).running() as net:
        yield net


@pytest.fixture
def net(running: Outside) -> Outside:
    running.answers = {"cdn.public.example": [["151.101.1.140"]], "v6.public.example": [["2606:2800:220:1::1"]]}
    for seen in (running.dialled, running.looked_up, running.requests):
        seen.clear()
    return running


@pytest.fixture
def fetch(net: Outside) -> GuardedFetch:
    return GuardedFetch(network=net.network, deadline_s=5.0, idle_s=2.0)


def test_the_connection_goes_to_the_checked_address_under_the_original_name(net: Outside, fetch: GuardedFetch) -> None:
    net.answers["files.public.example"] = [["151.101.1.140", "93.184.216.34"], ["127.0.0.1"]]
    assert fetch("https://Files.Public.example/a%20b.jpg?x=%2F", max_bytes=len(BODY)) == BODY
    assert net.looked_up == ["files.public.example"]  # once
    assert net.dialled == [("151.101.1.140", 443)]
    (request,) = net.requests
    assert (request.sni, request.header("Host")) == ("files.public.example", "files.public.example")
    assert request.path == "/a%20b.jpg?x=%2F"


def test_three_redirects_over_other_hosts_are_followed_each_checked(net: Outside, fetch: GuardedFetch) -> None:
    assert fetch("https://files.public.example/one", max_bytes=len(BODY)) == BODY
    assert [request.header("Host") for request in net.requests] == [
        "files.public.example",
        "files.public.example",
        "cdn.public.example",
        "v6.public.example",
    ]
    assert [request.sni for request in net.requests] == [request.header("Host") for request in net.requests]
    assert [address for address, _ in net.dialled] == ["93.184.216.34"] * 2 + ["151.101.1.140", "2606:2800:220:1::1"]
    assert net.requests[3].path == "/b%C3%BCcher%20.jpg?sig=1&x=%C3%BC"


def test_a_fourth_redirect_is_not_followed(net: Outside, fetch: GuardedFetch) -> None:
    with pytest.raises(MediaFetchFailed):
        fetch("https://files.public.example/a", max_bytes=len(BODY))
    assert [request.path for request in net.requests] == ["/a", "/b", "/c", "/d"]


def test_nothing_but_the_request_is_sent_to_any_host(net: Outside, fetch: GuardedFetch) -> None:
    fetch("https://files.public.example/one", max_bytes=len(BODY))
    for request in net.requests:
        names = [line.partition(":")[0] for line in request.head.split("\r\n")[1:]]
        assert names == ["Host", "User-Agent", "Accept-Encoding"] and request.header("Accept-Encoding") == "identity"


def test_a_redirect_inside_tells_no_more_than_any_fault(net: Outside, fetch: GuardedFetch) -> None:
    with pytest.raises(MediaFetchFailed) as caught:
        fetch("https://files.public.example/inside", max_bytes=len(BODY))
    assert caught.value.detail == UNIFORM_DETAIL and net.trap.accepted == 0


def test_the_byte_cap_is_exact(fetch: GuardedFetch) -> None:
    for path in ("/sized", "/close"):
        assert fetch(f"https://files.public.example{path}", max_bytes=len(BODY)) == BODY
        with pytest.raises(PayloadTooLarge):
            fetch(f"https://files.public.example{path}", max_bytes=len(BODY) - 1)
        assert fetch.head(f"https://files.public.example{path}", max_bytes=300) == BODY[:300]
        assert fetch.head(f"https://files.public.example{path}", max_bytes=len(BODY) * 2) == BODY


def test_chunks_are_put_together(fetch: GuardedFetch) -> None:
    assert fetch("https://files.public.example/chunked", max_bytes=5) == b"abcde"
    with pytest.raises(PayloadTooLarge):
        fetch("https://files.public.example/chunked", max_bytes=4)


@pytest.mark.parametrize("status", [100, 201, 204, 206, 300, 302, 304, 401, 403, 404, 407, 500, 503])
def test_only_200_is_a_file(fetch: GuardedFetch, status: int) -> None:
    with pytest.raises(MediaFetchFailed):
        fetch(f"https://files.public.example/status/{status}", max_bytes=len(BODY))


@pytest.mark.parametrize("host", ["expired", "other", "stranger"])
def test_a_certificate_that_proves_nothing_ends_it(net: Outside, fetch: GuardedFetch, host: str) -> None:
    with pytest.raises(MediaFetchFailed) as caught:
        fetch(f"https://{host}.public.example/a", max_bytes=len(BODY))
    assert caught.value.detail == UNIFORM_DETAIL and net.requests == []


@pytest.mark.parametrize("path", ["/sized", "/broken", "/signed", "/status/403"])
@pytest.mark.parametrize("host", ["files", "expired"])
def test_no_query_reaches_a_log_or_a_traceback(
    fetch: GuardedFetch, caplog: pytest.LogCaptureFixture, host: str, path: str
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    try:
        fetch(f"https://{host}.public.example{path}?{SECRET}", max_bytes=len(BODY))
    except DetectorError as error:
        told = "".join(traceback.format_exception(error))
    assert SECRET not in caplog.text + told and "0f1e2d3c" not in caplog.text + told


def test_what_a_refused_url_says_is_not_in_the_traceback() -> None:
    user = "user:" + "hunter2".upper()  # not in this source as it is looked for
    with pytest.raises(MediaUrlForbidden) as caught:
        GuardedFetch()(f"https://{user}@files.public.example\u2100/?{SECRET}", max_bytes=1)
    told = "".join(traceback.format_exception(caught.value))
    assert "HUNTER2" not in told and SECRET not in told


def test_the_resolver_has_its_time_too() -> None:
    def slow(host: str, port: int) -> list[str]:
        time.sleep(3.0)
        return ["93.184.216.34"]

    start = time.monotonic()
    with pytest.raises(MediaFetchFailed) as caught:
        GuardedFetch(network=Network(slow), deadline_s=0.2)("https://files.public.example/", max_bytes=1)
    assert caught.value.detail == UNIFORM_DETAIL and time.monotonic() - start < 2.0


def test_a_name_that_does_not_resolve_is_the_same_error() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such host")

    with pytest.raises(MediaFetchFailed) as caught:
        GuardedFetch(network=Network(nothing))("https://nowhere.example/", max_bytes=1)
    assert caught.value.detail == UNIFORM_DETAIL


def test_names_are_looked_up_from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(host)
        return [(2, 1, 6, "", (address, port)) for address in ("93.184.216.34", "10.0.0.1", "93.184.216.34")]

    monkeypatch.setattr(connection.socket, "getaddrinfo", answer)
    assert resolve("files.public.example", 443) == ["93.184.216.34", "10.0.0.1"]
    resolve("localhost", 80)
    assert asked == ["files.public.example.", "localhost"]  # no search list may complete a caller's name


def test_a_local_cloud_fetches_from_loopback_over_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(MediaUrlForbidden):
            GuardedFetch()(f"http://127.0.0.1:{port}/", max_bytes=1)
        with pytest.raises(MediaFetchFailed):  # the listener never answers; that it was reached is what counts
            GuardedFetch(allow_loopback=True, deadline_s=0.2)(f"http://localhost:{port}/", max_bytes=1)
        server.settimeout(1.0)
        server.accept()[0].close()
