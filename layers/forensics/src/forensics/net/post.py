"""Post to a caller's URL under the same guard as the fetch: https alone, pinned to a checked address, nothing followed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import urllib3

from forensics.domain.errors import DetectorError, MediaUrlForbidden
from forensics.domain.webhooks import Answer
from forensics.net.addresses import check_url, resolve
from forensics.net.fetch import USER_AGENT, guarded_connection

MAX_ANSWER_BYTES = 4096  # read, so that the connection ends well, and thrown away
FORBIDDEN = "This URL is not a public HTTPS address."


@dataclass(frozen=True)
class GuardedPost:
    """Sends one POST and tells what came back; `allow_loopback` opens http and https on loopback for a local cloud only."""

    allow_loopback: bool = False
    timeout_s: float = 15.0  # of the whole exchange, the connection and the answer's body included
    resolver: Callable[[str, int], list[str]] = resolve

    def __call__(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer; every fault of the other side, a forbidden address too, is `timeout` or `unreachable`."""
        start = time.monotonic()
        try:
            status, retry_after_s = self._post(url, body, headers)
        except (DetectorError, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            late = isinstance(exc, TimeoutError | urllib3.exceptions.TimeoutError) or self._left_s(start) <= 0
            return Answer(None, "timeout" if late else "unreachable", _ms_since(start))
        if self._left_s(start) <= 0:
            return Answer(None, "timeout", _ms_since(start))  # cut off in the midst of its answer
        return Answer(status, None, _ms_since(start), retry_after_s)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, float | None]:
        target = check_url(url, allow_loopback=self.allow_loopback)
        checked = replace(target, address=target.checked_address(self.resolver))
        with guarded_connection(checked, idle_s=self.timeout_s, whole_s=self.timeout_s) as connection:
            sent = {
                "Host": checked.host_header,
                "User-Agent": USER_AGENT,
                "Content-Type": "application/json",
                **headers,
            }
            connection.request("POST", checked.path, body=body, headers=sent, preload_content=False)
            response = connection.getresponse()
            response.read(MAX_ANSWER_BYTES, decode_content=False)
            return response.status, _retry_after_s(response.headers.get("Retry-After"))

    def _left_s(self, start: float) -> float:
        return start + self.timeout_s - time.monotonic()


@dataclass(frozen=True)
class UrlGuard:
    """Says at acceptance what every attempt will say; the refusal is the same for every reason, so that it tells nothing."""

    allow_loopback: bool = False
    resolver: Callable[[str, int], list[str]] = resolve

    def __call__(self, url: str) -> None:
        """Raise MediaUrlForbidden unless the text and every address behind the name may be reached."""
        try:
            check_url(url, allow_loopback=self.allow_loopback).checked_address(self.resolver)
        except (DetectorError, OSError, UnicodeError, ValueError) as exc:
            raise MediaUrlForbidden(FORBIDDEN) from exc


def _retry_after_s(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, in either of its forms (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):  # neither form, or a date without a zone
        return None


def _ms_since(start: float) -> int:
    return round((time.monotonic() - start) * 1000)
