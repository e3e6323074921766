"""A second try, and no third."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from forensics.domain.errors import DetectorError, MediaFetchFailed, MediaUrlForbidden, PayloadTooLarge
from forensics.net.again import FetchAgain


@dataclass
class Server:
    faults: list[DetectorError]
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, url: str, *, max_bytes: int) -> bytes:
        self.asked.append((url, max_bytes))
        if self.faults:
            raise self.faults.pop(0)
        return b"file"


def test_a_server_that_fails_once_is_asked_again() -> None:
    server, waited = Server([MediaFetchFailed()]), list[float]()
    assert FetchAgain(server, pause_s=2, sleep=waited.append)("https://x.example/a", max_bytes=7) == b"file"
    assert (server.asked, waited) == ([("https://x.example/a", 7)] * 2, [2])


@pytest.mark.parametrize(
    ("faults", "tries"),
    [([MediaFetchFailed(), MediaFetchFailed()], 2), ([MediaUrlForbidden()], 1), ([PayloadTooLarge()], 1)],
)
def test_it_is_given_up_after_two_tries_and_at_once_for_what_no_time_mends(
    faults: list[DetectorError], tries: int
) -> None:
    kind, server = type(faults[0]), Server(faults)
    with pytest.raises(kind):
        FetchAgain(server, sleep=lambda s: None)("https://x.example/a", max_bytes=7)
    assert len(server.asked) == tries
