"""Post to a caller's URL under the same guard as the fetch: https alone, pinned to a checked address, nothing followed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from forensics.domain.errors import MediaUrlForbidden
from forensics.domain.webhooks import Answer
from forensics.net.connection import (
    PUBLIC_INTERNET,
    USER_AGENT,
    Network,
    Unreachable,
    guarded_connection,
)
from forensics.net.urls import check_url

MAX_ANSWER_BYTES = 4096  # read, so that the connection ends well, and thrown away


@dataclass(frozen=True)
class GuardedPost:
    """Sends one POST and tells what came back; `allow_loopback` opens http and https on loopback for a local cloud only."""

    allow_loopback: bool = False
    timeout_s: float = 15.0  # of the whole exchange: look-up, connection, and as much of the answer as is read
    network: Network = PUBLIC_INTERNET

    def __call__(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer; every fault of the other side, a forbidden address too, is `timeout` or `unreachable`."""
        start = time.monotonic()
        try:
            status, retry_after_s = self._post(url, body, headers)
        except (Unreachable, MediaUrlForbidden) as exc:
            late = isinstance(exc, Unreachable) and exc.late
            return Answer(None, "timeout" if late else "unreachable", _ms_since(start))
        return Answer(status, None, _ms_since(start), retry_after_s)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, float | None]:
        target = check_url(url, allow_loopback=self.allow_loopback)
        with guarded_connection(
            target, network=self.network, idle_s=self.timeout_s, whole_s=self.timeout_s
        ) as connection:
            sent = {"Host": target.host_header, "User-Agent": USER_AGENT, "Content-Type": "application/json", **headers}
            connection.request("POST", target.path, body=body, headers=sent)
            with connection.getresponse() as response:
                response.read1(MAX_ANSWER_BYTES)  # `read` would take a chunk of size -1 for all there ever is
                return response.status, _retry_after_s(response.headers.get("Retry-After"))


def _retry_after_s(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, in either of its forms (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):  # neither form, or a date without a zone
        return None


def _ms_since(start: float) -> int:
    return round((time.monotonic() - start) * 1000)
