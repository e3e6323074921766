"""What a URL is held to when it is accepted for later: the same checks as at each attempt, without a connection."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.domain.errors import MediaUrlForbidden
from forensics.net.connection import PUBLIC_INTERNET, Network, Unreachable, checked_address
from forensics.net.urls import FORBIDDEN_DETAIL, check_url

LOOK_UP_S = 5.0


@dataclass(frozen=True)
class UrlGuard:
    """Refuses callback and webhook URLs; the refusal is the same for every reason, so that it tells nothing.

    What it lets pass is checked anew at each attempt: a name may lead elsewhere by then.
    """

    allow_loopback: bool = False
    network: Network = PUBLIC_INTERNET

    def __call__(self, url: str) -> None:
        """Raise MediaUrlForbidden unless the text and every address behind the name may be reached."""
        target = check_url(url, allow_loopback=self.allow_loopback)
        try:
            checked_address(target, network=self.network, within_s=LOOK_UP_S)
        except Unreachable as exc:
            raise MediaUrlForbidden(FORBIDDEN_DETAIL) from exc
