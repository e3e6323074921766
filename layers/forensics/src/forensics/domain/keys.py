"""API keys: how one is made and recognised, what is stored of it, and the hash it is stored under."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase  # base62
RANDOM_CHARS = 32  # 190 bits
CHECKSUM_CHARS = 6  # 32 bits in base62
SHOWN_CHARS = 12  # `dd_live_` and four characters, kept so that a key can be recognised in a list
KEY_PATTERN = re.compile(rf"dd_(live|test)_[0-9A-Za-z]{{{RANDOM_CHARS + CHECKSUM_CHARS}}}")
SCOPES = ("detect", "jobs", "webhooks")
ACTIVE, REVOKED = "active", "revoked"


@dataclass(frozen=True)
class KeyRecord:
    """A key as stored: only its SHA-256 is known.

    `scopes` limit what it may do; `status` is active | revoked; after `expires_at` (seconds of the epoch) it is dead too;
    `per_minute` and `per_month` stand in for the plan's limits; a key that is not `live` gets fixtures.
    """

    key_hash: str
    tenant: str
    plan: str
    scopes: tuple[str, ...]
    status: str
    live: bool = True
    expires_at: int | None = None
    per_minute: int | None = None
    per_month: int | None = None
    shown: str = ""
    name: str = ""
    created_at: str = ""

    @property
    def key_id(self) -> str:
        """The name of the key in lists, logs and counters; it tells nothing of the key."""
        return key_id(self.key_hash)

    def in_force(self, now_s: float) -> bool:
        return self.status == ACTIVE and (self.expires_at is None or now_s < self.expires_at)


def new_key(*, live: bool) -> str:
    """Return a fresh key: prefix, 190 random bits, checksum."""
    body = ("dd_live_" if live else "dd_test_") + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARS))
    return body + checksum(body)


def checksum(body: str) -> str:
    """Return the CRC-32 of prefix and random part as six base62 characters, so that a scanner can tell a key from noise."""
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_CHARS):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def well_formed(key: str) -> bool:
    """Tell whether a text has the form of a key and its checksum is right; that it was ever issued is another question."""
    return bool(KEY_PATTERN.fullmatch(key)) and checksum(key[:-CHECKSUM_CHARS]) == key[-CHECKSUM_CHARS:]


def hash_key(key: str) -> str:
    """Return the hex SHA-256 under which a key is stored; keys carry 190 random bits, so no salt or stretching is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_id(key_hash: str) -> str:
    return f"key_{key_hash[:20]}"


def told_of(record: KeyRecord) -> dict[str, str]:
    """Return what the authorizer tells every function of a key; the gateway passes texts on."""
    numbers = {"expires_at": record.expires_at, "per_minute": record.per_minute, "per_month": record.per_month}
    return {
        "tenant": record.tenant,
        "plan": record.plan,
        "scopes": " ".join(record.scopes),
        "key_id": record.key_id,
        "live": str(record.live).lower(),
        **{name: str(value) for name, value in numbers.items() if value is not None},
    }
