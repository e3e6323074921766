"""Who is calling: a bearer key to a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from forensics.domain.errors import Unauthenticated
from forensics.domain.keys import KEY_PREFIXES, MAX_KEY_CHARS, KeyRecord, hash_key


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
