"""Who is calling: a bearer key to a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from forensics.domain.errors import Unauthenticated
from forensics.domain.keys import KeyRecord, hash_key, well_formed
from forensics.usecases.ports import Clock


class FindsKeys(Protocol):
    def get(self, key_hash: str) -> KeyRecord | None: ...


@dataclass(frozen=True)
class Authorize:
    """Turns an Authorization header into the key's record; raises Unauthenticated without saying why.

    A text whose checksum is wrong was never a key of ours: it is refused before the table is asked.
    """

    keys: FindsKeys
    clock: Clock = field(default_factory=Clock)

    def __call__(self, header: str | None) -> KeyRecord:
        scheme, _, key = (header or "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not well_formed(key):
            raise Unauthenticated
        record = self.keys.get(hash_key(key))
        if record is None or not record.in_force(self.clock.now().timestamp()):
            raise Unauthenticated
        return record
