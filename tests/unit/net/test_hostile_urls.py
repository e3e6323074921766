"""The corpus of hostile URLs against real sockets: every one refused with the uniform 422, and no connection made by it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from forensics.domain.errors import DetectorError, MediaUrlForbidden, problem
from forensics.net.fetch import GuardedFetch
from forensics.net.guard import UrlGuard
from forensics.net.post import GuardedPost
from forensics.net.urls import LOOPBACK_HOSTS, check_url
from tests.support.hostile_urls import HostileUrl, corpus
from tests.support.outside import Outside, Request, outside

MIN_ROWS = 120
HOP = "https://files.public.example/hop/"
UNIFORM = {
    "media-url-forbidden": "Only https URLs of public hosts are fetched: port 443, no user information, at most 2048 characters.",
    "media-fetch-failed": "The URL could not be fetched as a public HTTPS file.",
}
CORPUS = corpus()


def redirect(connection: socket.socket, request: Request) -> None:
    """Answer with the row's Location; `loop` leads to itself, `far/n` to the file after n hops, all else is the file."""
    name, _, rest = request.path.removeprefix("/hop/").partition("/")
    if name.isdigit():
        location = next(row.location for row in CORPUS if row.url == HOP + name) or ""
    elif name == "loop":
        location = "loop"
    elif name == "far" and rest != "0":
        location = str(int(rest) - 1)
    else:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfile")
        return
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    connection.sendall(head.encode("latin-1"))


@pytest.fixture
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("keys"), redirect).running() as running:
        yield running


def prepare(net: Outside, row: HostileUrl) -> None:
    net.answers = {
        "private.public.example": [["10.0.0.1"]],
        "rebound.public.example": [["93.184.216.34"], ["169.254.169.254"]],
    }
    name = row.url.removeprefix("https://").split("/")[0]
    net.answers.setdefault(name, list(row.answers))
    net.dialled.clear()
    net.looked_up.clear()


def refusal(net: Outside, row: HostileUrl, *, allow_loopback: bool = False) -> DetectorError | None:
    prepare(net, row)
    fetch = GuardedFetch(network=net.network, allow_loopback=allow_loopback, deadline_s=5.0)
    try:
        fetch(row.url, max_bytes=1000)
    except DetectorError as error:
        return error
    return None


def test_all_are_refused_with_the_uniform_422_and_no_connection(net: Outside) -> None:
    assert len({(row.url, row.answers) for row in CORPUS}) == len(CORPUS) >= MIN_ROWS
    refused, bodies = 0, set()
    for row in CORPUS:
        error = refusal(net, row)
        assert error is not None, f"{row} was fetched"
        assert (error.status, error.code, error.detail) == (422, row.code, UNIFORM[row.code]), row
        assert row.code == "media-fetch-failed" or not net.looked_up, row  # what its text forbids is not looked up
        if row.location is None:
            assert not net.dialled, row
        assert {address for address, _ in net.dialled} <= {"93.184.216.34"}, row
        bodies.add(json.dumps(problem(error)))
        refused += 1
    print(f"\n{refused}/{len(CORPUS)} refused, {net.trap.accepted} connections")  # noqa: T201 -- the figure is the point
    assert net.trap.accepted == 0
    assert len(bodies) == len(UNIFORM)  # nothing about the reason but which of two stages refused


def test_the_local_clouds_setting_opens_loopback_and_nothing_else(net: Outside) -> None:
    for row in CORPUS:
        error = refusal(net, row, allow_loopback=True)
        ours = any(host in LOOPBACK_HOSTS for host, _ in net.dialled) or _names_loopback(row.location or row.url)
        assert ours or error is not None, row
        assert ours or {address for address, _ in net.dialled} <= {"93.184.216.34"}, row


def _names_loopback(url: str) -> bool:
    try:
        return check_url(url, allow_loopback=True).allow_loopback
    except MediaUrlForbidden:
        return False


def test_webhooks_are_refused_at_acceptance_and_at_each_attempt(net: Outside) -> None:
    rows = [row for row in CORPUS if row.location is None]
    guard, post = UrlGuard(network=net.network), GuardedPost(network=net.network, timeout_s=2.0)
    for row in rows:
        prepare(net, row)
        with pytest.raises(MediaUrlForbidden) as caught:
            guard(row.url)
        assert caught.value.detail == UNIFORM["media-url-forbidden"], row
        answer = post(row.url, body=b"{}", headers={})
        assert (answer.status, answer.error) == (None, "unreachable"), row
        assert not net.dialled, row
    assert net.trap.accepted == net.site.accepted == 0


def test_a_name_that_turns_inward_after_the_check_is_not_followed(net: Outside) -> None:
    turns = [["93.184.216.34"], ["169.254.169.254"]]
    net.answers = {"rebound.public.example": list(turns)}
    fetch = GuardedFetch(network=net.network)
    assert fetch("https://rebound.public.example/", max_bytes=4) == b"file"
    assert (net.looked_up, net.dialled) == (["rebound.public.example"], [("93.184.216.34", 443)])

    net.answers = {"rebound.public.example": list(turns)}
    UrlGuard(network=net.network)("https://rebound.public.example/")
    answer = GuardedPost(network=net.network)("https://rebound.public.example/", body=b"{}", headers={})
    assert (answer.status, answer.error) == (None, "unreachable")
    assert net.dialled == [("93.184.216.34", 443)] and net.trap.accepted == 0


def test_the_trap_catches_what_the_guard_lets_pass(net: Outside) -> None:
    with pytest.raises(DetectorError):
        GuardedFetch(network=net.network, allow_loopback=True)("http://127.0.0.1:9/", max_bytes=4)
    assert net.dialled == [("127.0.0.1", 9)] and net.trap.accepted == 1


def test_the_threat_models_figures_are_the_corpus() -> None:
    page = (Path(__file__).parents[3] / "docs" / "threat-model-fetch.md").read_text()
    text, redirects = (sum(map(kind, CORPUS)) for kind in (_is_text, _is_redirect))
    assert (
        f"{text} URLs refused by their text, {len(CORPUS) - text - redirects} sets of DNS answers, {redirects} redirects"
        in page
    )
    assert f"{len(CORPUS)}/{len(CORPUS)} refused, 0 connections" in page


def _is_text(row: HostileUrl) -> bool:
    return row.code == "media-url-forbidden"


def _is_redirect(row: HostileUrl) -> bool:
    return row.location is not None


@pytest.mark.parametrize(
    "url", ["https://Files.PUBLIC.example:443/a.jpg", "HTTPS://93.184.216.34/a", "https://[2606:2800:220:1::1]/a"]
)
def test_public_urls_pass(url: str) -> None:
    assert check_url(url).port == 443
