"""Who is calling: a bearer key to a tenant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from forensics.domain.errors import Unauthenticated

KEY_PREFIXES = ("dd_live_", "dd_test_")
MAX_KEY_CHARS = 128


@dataclass(frozen=True)
class KeyRecord:
    """A key as stored: only its SHA-256 is known; `scopes` limit what it may do."""

    key_hash: str
    tenant: str
    plan: str
    scopes: tuple[str, ...]
    status: str


class KeyStore(Protocol):
    def get(self, key_hash: str) -> KeyRecord | None: ...


@dataclass(frozen=True)
class Authorize:
    """Turns an Authorization header into the key's record; raises Unauthenticated without saying why."""

    keys: KeyStore

    def __call__(self, header: str | None) -> KeyRecord:
        scheme, _, key = (header or "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key.startswith(KEY_PREFIXES) or len(key) > MAX_KEY_CHARS:
            raise Unauthenticated
        record = self.keys.get(hash_key(key))
        if record is None or record.status != "active":
            raise Unauthenticated
        return record


def hash_key(key: str) -> str:
    """Return the hex SHA-256 under which a key is stored; keys carry 190 random bits, so no salt or stretching is needed."""
    return hashlib.sha256(key.encode()).hexdigest()
