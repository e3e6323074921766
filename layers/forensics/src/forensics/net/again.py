"""A second try for files that are fetched while nobody waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from forensics.domain.errors import MediaFetchFailed


class Fetches(Protocol):
    def __call__(self, url: str, *, max_bytes: int) -> bytes: ...


@dataclass(frozen=True)
class FetchAgain:
    """Fetches once more after `pause_s` when the network failed: a server that was slow for a moment costs no job."""

    fetch: Fetches
    pause_s: float = 2.0
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, url: str, *, max_bytes: int) -> bytes:
        """Return the file; raises what the second try raises, and anything but MediaFetchFailed at once."""
        try:
            return self.fetch(url, max_bytes=max_bytes)
        except MediaFetchFailed:
            self.sleep(self.pause_s)
            return self.fetch(url, max_bytes=max_bytes)
