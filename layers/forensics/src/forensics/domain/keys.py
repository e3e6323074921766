"""API keys: what is known of one, and the hash it is stored under."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

KEY_PREFIXES = ("dd_live_", "dd_test_")
MAX_KEY_CHARS = 128


@dataclass(frozen=True)
class KeyRecord:
    """A key as stored: only its SHA-256 is known; `scopes` limit what it may do; `status` is active | revoked."""

    key_hash: str
    tenant: str
    plan: str
    scopes: tuple[str, ...]
    status: str


def hash_key(key: str) -> str:
    """Return the hex SHA-256 under which a key is stored; keys carry 190 random bits, so no salt or stretching is needed."""
    return hashlib.sha256(key.encode()).hexdigest()
