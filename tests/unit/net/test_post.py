"""Posts over real sockets on loopback: what comes back, and what never leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from forensics.net.connection import Network
from forensics.net.post import GuardedPost
from tests.support.receiver import Receiver, Reply, receiver

HEADERS = {"webhook-id": "evt_1"}
post = GuardedPost(allow_loopback=True, timeout_s=1.0)


@pytest.fixture
def door() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def test_the_body_arrives_as_it_was_signed(door: Receiver) -> None:
    body = '{"note":"naïve ü"}'.encode()
    answer = post(door.url + "?token=1", body=body, headers=HEADERS)
    assert (answer.status, answer.error) == (204, None)
    (message,) = door.messages
    assert (message.body, message.path) == (body, "/hook?token=1")
    assert message.headers["content-type"] == "application/json" and message.headers["webhook-id"] == "evt_1"
    assert not {"authorization", "cookie", "referer"} & set(message.headers)


@pytest.mark.parametrize("status", [200, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503])
def test_every_status_is_an_answer_and_no_redirect_is_followed(door: Receiver, status: int) -> None:
    door.reply = lambda message: Reply(status, {"Location": door.url})
    assert post(door.url, body=b"{}", headers=HEADERS).status == status
    assert len(door.messages) == 1


@pytest.mark.parametrize(("value", "seconds"), [("120", 120), ("soon", None), ("-5", None)])
def test_retry_after_in_seconds(door: Receiver, value: str, seconds: float | None) -> None:
    door.reply = lambda message: Reply(503, {"Retry-After": value})
    assert post(door.url, body=b"{}", headers=HEADERS).retry_after_s == seconds


def test_retry_after_as_a_date(door: Receiver) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=5)
    door.reply = lambda message: Reply(429, {"Retry-After": format_datetime(moment, usegmt=True)})
    asked = post(door.url, body=b"{}", headers=HEADERS).retry_after_s
    assert asked == pytest.approx(300, abs=5)


def test_silence_is_a_timeout_that_ends_in_time(door: Receiver) -> None:
    door.reply = lambda message: Reply(after_s=3)
    start = time.monotonic()
    answer = post(door.url, body=b"{}", headers=HEADERS)
    assert (answer.status, answer.error) == (None, "timeout")
    assert time.monotonic() - start < 2


def test_nobody_there_is_unreachable() -> None:
    with receiver() as gone:
        pass
    assert post(gone.url, body=b"{}", headers=HEADERS).error == "unreachable"


@pytest.mark.parametrize("answers", [["10.0.0.1"], ["169.254.169.254"], ["93.184.216.34", "127.0.0.1"], []])
def test_a_name_that_leads_inside_is_never_dialled(answers: list[str]) -> None:
    def never(address: str, port: int, timeout_s: float) -> None:
        raise AssertionError(f"dialled {address}")

    network = Network(resolver=lambda host, port: answers, dialer=never)  # type: ignore[arg-type]
    guarded = GuardedPost(network=network)
    assert guarded("https://hooks.example.org/in", body=b"{}", headers=HEADERS).error == "unreachable"


def test_loopback_is_closed_by_default(door: Receiver) -> None:
    assert GuardedPost()(door.url, body=b"{}", headers=HEADERS).error == "unreachable"
    assert door.messages == []
