"""Fetch a caller's URL without becoming the caller's proxy (SSRF guard; docs/threat-model-fetch.md says against what).

Redirects are followed by hand, each checked like the first URL. Everything that depends on the network fails with one
uniform MediaFetchFailed, so that the answer tells nothing about our network.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.client import HTTPMessage, HTTPResponse
from io import BytesIO

from forensics.domain.errors import MediaFetchFailed, MediaUrlForbidden, PayloadTooLarge
from forensics.net.connection import PUBLIC_INTERNET, USER_AGENT, Network, Unreachable, guarded_connection
from forensics.net.guard import UrlGuard
from forensics.net.urls import Target, check_url, redirected

REDIRECTS = (301, 302, 303, 307, 308)
CHUNK_BYTES = 1 << 16
UNIFORM_DETAIL = "The URL could not be fetched as a public HTTPS file."


@dataclass(frozen=True)
class GuardedFetch:
    """Downloads public https URLs; `allow_loopback` opens http and https on loopback for a local cloud only."""

    allow_loopback: bool = False
    deadline_s: float = 15.0  # of all hops together
    idle_s: float = 5.0  # the longest wait for a look-up, a connection or the next byte
    max_redirects: int = 3
    network: Network = PUBLIC_INTERNET

    def __call__(self, url: str, *, max_bytes: int) -> bytes:
        """Return the whole file; raises MediaUrlForbidden (by the URL's text), MediaFetchFailed or PayloadTooLarge."""
        return self._fetch(url, max_bytes=max_bytes, whole=True)

    def head(self, url: str, *, max_bytes: int) -> bytes:
        """Return at most the first `max_bytes` of the file; same errors."""
        return self._fetch(url, max_bytes=max_bytes, whole=False)

    def check(self, url: str) -> None:
        """Raise MediaUrlForbidden unless the URL, and every address behind it, may be reached; nothing is fetched."""
        UrlGuard(self.allow_loopback, self.network)(url)

    def _fetch(self, url: str, *, max_bytes: int, whole: bool) -> bytes:
        target = check_url(url, allow_loopback=self.allow_loopback)
        deadline = time.monotonic() + self.deadline_s
        try:
            for _ in range(self.max_redirects + 1):
                answer = self._get(target, deadline, max_bytes, whole)
                if isinstance(answer, bytes):
                    return answer
                url = redirected(url, answer.location)
                target = check_url(url, allow_loopback=self.allow_loopback)
        except (Unreachable, MediaUrlForbidden, ValueError) as exc:
            raise MediaFetchFailed(UNIFORM_DETAIL) from exc
        raise MediaFetchFailed(UNIFORM_DETAIL)

    def _get(self, target: Target, deadline: float, max_bytes: int, whole: bool) -> bytes | _Redirect:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise Unreachable(late=True)
        with guarded_connection(target, network=self.network, idle_s=self.idle_s, whole_s=left_s) as connection:
            # Nothing of the caller's call goes along: no key, no cookie, no referrer, not even between two hops.
            headers = {"Host": target.host_header, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
            connection.request("GET", target.path, headers=headers)
            with connection.getresponse() as response:
                if response.status in REDIRECTS and (location := response.headers.get("Location")):
                    return _Redirect(location)
                if response.status != 200:
                    raise Unreachable
                return _read(response, max_bytes, whole)


@dataclass(frozen=True)
class _Redirect:
    location: str


def _read(response: HTTPResponse, max_bytes: int, whole: bool) -> bytes:
    expected = _expected_bytes(response.headers)
    if whole and expected is not None and expected > max_bytes:
        raise _too_large(max_bytes)
    wanted = max_bytes + 1 if whole else max_bytes  # one more than allowed, to see that there is more
    wanted = wanted if expected is None else min(wanted, expected)
    body = BytesIO()  # unlike a bytearray, it hands its bytes over without a second copy of a large file
    while body.tell() < wanted and (chunk := response.read1(min(CHUNK_BYTES, wanted - body.tell()))):
        body.write(chunk)
    if body.tell() == 0 or (expected is not None and body.tell() < wanted):
        raise Unreachable  # nothing, or cut short
    if whole and body.tell() > max_bytes:
        raise _too_large(max_bytes)
    body.truncate(wanted)  # http.client gives more than was asked for when a chunk says that its size is negative
    return body.getvalue()


def _expected_bytes(headers: HTTPMessage) -> int | None:
    """Return the body's announced length; raises Unreachable for a body that is compressed or framed in doubtful ways."""
    # Compression is never asked for, and never undone: a file that comes compressed all the same is not the file.
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Unreachable
    lengths, codings = set(headers.get_all("Content-Length", [])), headers.get_all("Transfer-Encoding", [])
    if codings:
        if lengths or [coding.strip().lower() for coding in codings] != ["chunked"]:
            raise Unreachable
        return None
    if not lengths:
        return None
    length = lengths.pop().strip()
    if lengths or len(length) > 18 or not (length.isascii() and length.isdigit()):
        raise Unreachable
    return int(length)


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The file behind the URL has more than {max_bytes} bytes.")
