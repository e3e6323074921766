"""Answers that mean harm: slow, endless, lying, compressed or broken ones all end at the deadline and within the byte cap."""

from __future__ import annotations

import bz2
import gzip
import socket
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from forensics.domain.errors import DetectorError, MediaFetchFailed, PayloadTooLarge
from forensics.net.fetch import UNIFORM_DETAIL, GuardedFetch
from forensics.net.post import GuardedPost
from tests.support.outside import Outside, Request, outside

URL = "https://files.public.example/a.jpg"
DEADLINE_S = 0.6
IDLE_S = 0.4  # longer than a drip's pause: only the deadline ends it
LATEST_S = 3.0  # the machine may be busy; a drip lasts 5 s
PAUSE_S = 0.05
MAX_BYTES = 300_000
# the cap, the buffers of both sides, and the 100 header lines of 64 KiB that http.client takes at most
MAX_MEMORY_BYTES = 12_000_000

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BLOCK = b"x" * 16384
BOMB = bytes(20_000_000)

Act = Callable[[socket.socket, Request], None]


def say(*parts: bytes) -> Act:
    return lambda client, _: client.sendall(b"".join(parts))


def endless(first: bytes, rest: bytes) -> Act:
    """Send `first`, then `rest` again and again; the client has to hang up."""

    def act(client: socket.socket, _: Request) -> None:
        client.sendall(first)
        while True:
            client.sendall(rest)

    return act


def drip(first: bytes, byte: bytes = b"x") -> Act:
    """Send `first`, then single bytes, each sooner than a per-read timeout."""

    def act(client: socket.socket, _: Request) -> None:
        client.sendall(first)
        for _ in range(100):
            time.sleep(PAUSE_S)
            client.sendall(byte)

    return act


def silence(client: socket.socket, _: Request) -> None:
    time.sleep(DEADLINE_S * 3)


def reset(client: socket.socket, _: Request) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def body(data: bytes, *headers: bytes) -> Act:
    return say(OK, b"Content-Length: %d\r\n" % len(data), *(header + b"\r\n" for header in headers), b"\r\n", data)


FAILED: dict[str, Act] = {
    "no answer": silence,
    "no bytes": say(b""),
    "reset": reset,
    "slow status line": drip(b"HTTP/1.1 2"),
    "slow header": drip(OK + b"X-Slow: "),
    "slow headers": drip(OK, b"X: y\r\n"),
    "slow body of a length": drip(OK + b"Content-Length: 100000\r\n\r\n"),
    "slow body to the end": drip(OK + b"\r\n"),
    "slow chunk size": drip(CHUNKED, b"1"),
    "slow chunk": drip(CHUNKED + b"ffff\r\n"),
    "slow redirect": drip(b"HTTP/1.1 302 Found\r\nLocation: /a"),
    "silent in the body": drip(OK + b"Content-Length: 10\r\n\r\nfile", b""),
    "endless header line": endless(OK + b"X: ", BLOCK),
    "endless headers": endless(OK, b"X: y\r\n" * 1000),
    "endless wide headers": endless(OK, b"X: " + b"y" * 65000 + b"\r\n"),
    "endless continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "endless status line": endless(b"HTTP/1.1 200 ", BLOCK),
    "endless chunk extension": endless(CHUNKED + b"5;", BLOCK),
    "endless chunk size": endless(CHUNKED, b"0" * 16384),
    "endless trailers": endless(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000),
    "endless trailer": endless(CHUNKED + b"0\r\nX: ", BLOCK),
    "a longer length than body": say(OK, b"Content-Length: 5000\r\n\r\n", b"x" * 4999),
    "negative length": say(OK, b"Content-Length: -1\r\n\r\nfile"),
    "length in words": say(OK, b"Content-Length: four\r\n\r\nfile"),
    "length in hex": say(OK, b"Content-Length: 0x4\r\n\r\nfile"),
    "length with a sign": say(OK, b"Content-Length: +4\r\n\r\nfile"),
    "length of 5000 digits": say(OK, b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nfile"),
    "two lengths": say(OK, b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nfiles"),
    "a list of lengths": say(OK, b"Content-Length: 4, 4\r\n\r\nfile"),
    "length and chunks": say(OK, b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfile\r\n0\r\n\r\n"),
    "chunked twice": say(OK, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "gzip in transfer": say(OK, b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "identity in transfer": say(OK, b"Transfer-Encoding: identity\r\n\r\nfile"),
    "chunk size in words": say(CHUNKED, b"zz\r\nfile\r\n0\r\n\r\n"),
    "chunk size empty": say(CHUNKED, b"\r\nfile\r\n0\r\n\r\n"),
    "negative chunk size": say(CHUNKED, b"-4\r\nfile\r\n0\r\n\r\n"),
    "chunk of minus one": say(CHUNKED, b"-1\r\nfile"),
    "chunk cut short": say(CHUNKED, b"10\r\nfile"),
    "no last chunk": say(CHUNKED, b"4\r\nfile\r\n"),
    "huge chunk size": say(CHUNKED, b"f" * 64 + b"\r\nfile"),
    "gzip bomb": body(gzip.compress(BOMB), b"Content-Encoding: gzip"),
    "gzip bomb in chunks": say(OK, b"Transfer-Encoding: chunked\r\nContent-Encoding: x-gzip\r\n\r\n0\r\n\r\n"),
    "gzip of gzip": body(gzip.compress(gzip.compress(BOMB)), b"Content-Encoding: gzip, gzip"),
    "deflate bomb": body(zlib.compress(BOMB), b"Content-Encoding: deflate"),
    "bzip2 bomb": body(bz2.compress(BOMB), b"Content-Encoding: bzip2"),
    "brotli by name": body(b"\x8b\x02\x80", b"Content-Encoding: br"),
    "zstd by name": body(b"\x28\xb5\x2f\xfd", b"Content-Encoding: zstd"),
    "HTTP/0.9": say(b"file"),
    "HTTP/2": say(b"HTTP/2.0 200 OK\r\n\r\nfile"),
    "not HTTP": say(b"220 mail.example ESMTP\r\n"),
    "no status": say(b"HTTP/1.1 \r\n\r\n"),
    "status in words": say(b"HTTP/1.1 okay\r\n\r\n"),
    "status of 4 digits": say(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "redirect to nowhere": say(b"HTTP/1.1 302 Found\r\n\r\n"),
    "headers cut short": say(OK, b"Content-Len"),
    "zeros": endless(b"", bytes(16384)),
}

TOO_LARGE: dict[str, Act] = {
    "endless body": endless(OK + b"\r\n", BLOCK),
    "endless chunks": endless(CHUNKED, b"4000\r\n" + BLOCK + b"\r\n"),
    "one endless chunk": endless(CHUNKED + b"f" * 15 + b"\r\n", BLOCK),
    "a negative chunk without end": endless(CHUNKED + b"-1\r\n", BLOCK),
    "a wild length": say(OK, b"Content-Length: 999999999999999\r\n\r\nfile"),
    "one byte too many": body(b"x" * (MAX_BYTES + 1)),
}

# before a single byte of HTTP
HANDSHAKES: dict[str, Act] = {
    "no handshake": silence,
    "plain HTTP": say(OK, b"Content-Length: 4\r\n\r\nfile"),
    "garbage": say(b"\x00" * 1000),
    "an alert": say(b"\x15\x03\x01\x00\x02\x02\x28"),
    "dripped record": drip(b"\x16\x03\x03\x40\x00", b"\x02"),
    "dripped records": drip(b"", b"\x14\x03\x03\x00\x01\x01"),
    "endless records": endless(b"", b"\x16\x03\x03\x40\x00" + bytes(16384)),
    "reset": reset,
}


def attempt(net: Outside) -> tuple[DetectorError | None, float, int]:
    """Fetch; return the error, the seconds, and the most bytes that Python held meanwhile."""
    fetch = GuardedFetch(network=net.network, deadline_s=DEADLINE_S, idle_s=IDLE_S)
    tracemalloc.start()
    start = time.monotonic()
    error: DetectorError | None = None
    try:
        fetch(URL, max_bytes=MAX_BYTES)
    except DetectorError as caught:
        error = caught
    seconds, peak = time.monotonic() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return error, seconds, peak


@pytest.mark.parametrize("name", FAILED)
def test_broken_and_slow_answers_are_one_error_in_time(name: str, tmp_path: Path) -> None:
    with outside(tmp_path, FAILED[name]).running() as net:
        error, seconds, peak = attempt(net)
    assert isinstance(error, MediaFetchFailed) and error.detail == UNIFORM_DETAIL
    assert seconds < LATEST_S and peak < MAX_MEMORY_BYTES
    assert net.site.accepted == 1 and net.requests[0].path == "/a.jpg"


@pytest.mark.parametrize("name", TOO_LARGE)
def test_endless_bodies_end_at_the_byte_cap(name: str, tmp_path: Path) -> None:
    with outside(tmp_path, TOO_LARGE[name]).running() as net:
        error, seconds, peak = attempt(net)
    assert isinstance(error, PayloadTooLarge)
    assert seconds < LATEST_S and peak < MAX_MEMORY_BYTES


@pytest.mark.parametrize("name", HANDSHAKES)
def test_handshakes_are_within_the_deadline(name: str, tmp_path: Path) -> None:
    with outside(tmp_path, say(b""), before_tls=HANDSHAKES[name]).running() as net:
        error, seconds, peak = attempt(net)
    assert isinstance(error, MediaFetchFailed) and error.detail == UNIFORM_DETAIL
    assert seconds < LATEST_S and peak < MAX_MEMORY_BYTES


def test_the_deadline_is_of_all_hops_together(tmp_path: Path) -> None:
    def slow_redirect(client: socket.socket, request: Request) -> None:
        time.sleep(DEADLINE_S / 2)
        client.sendall(b"HTTP/1.1 302 Found\r\nLocation: /a.jpg\r\n\r\n")

    with outside(tmp_path, slow_redirect).running() as net:
        error, seconds, _ = attempt(net)
    assert isinstance(error, MediaFetchFailed) and seconds < LATEST_S
    assert net.site.accepted < 4  # the hops allowed would have taken twice the time


def test_a_bomb_that_does_not_say_so_stays_packed(tmp_path: Path) -> None:
    bomb = gzip.compress(BOMB)
    with outside(tmp_path, body(bomb, b"Content-Type: image/png")).running() as net:
        assert GuardedFetch(network=net.network)(URL, max_bytes=MAX_BYTES) == bomb


def test_what_follows_the_announced_length_is_not_read(tmp_path: Path) -> None:
    with outside(tmp_path, say(OK, b"Content-Length: 4\r\n\r\nfile", b"x" * 1000)).running() as net:
        assert GuardedFetch(network=net.network)(URL, max_bytes=MAX_BYTES) == b"file"


@pytest.mark.parametrize("name", ["slow header", "endless wide headers", "no answer", "not HTTP", "zeros", "reset"])
def test_a_webhook_receiver_can_do_no_more(name: str, tmp_path: Path) -> None:
    with outside(tmp_path, FAILED[name]).running() as net:
        start = time.monotonic()
        answer = GuardedPost(network=net.network, timeout_s=DEADLINE_S)(URL, body=b"{}", headers={})
    assert answer.status is None and answer.error in ("timeout", "unreachable")
    assert time.monotonic() - start < LATEST_S


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_webhook_receivers_answer_is_thrown_away(name: str, tmp_path: Path) -> None:
    with outside(tmp_path, TOO_LARGE[name]).running() as net:
        tracemalloc.start()
        answer = GuardedPost(network=net.network, timeout_s=LATEST_S)(URL, body=b"{}", headers={})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (answer.status, answer.error) == (200, None) and answer.ms < 1000 * DEADLINE_S
    assert peak < MAX_MEMORY_BYTES
