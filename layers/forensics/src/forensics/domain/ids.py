"""Identifiers: sortable by time, unguessable, and a job's carries its region."""

from __future__ import annotations

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
RANDOM_BYTES = _RANDOM_BITS // 8


def ulid(*, now_ms: int, randomness: bytes) -> str:
    """Return a 26-character ULID of 48 bits of time and 80 of randomness (github.com/ulid/spec)."""
    if len(randomness) != RANDOM_BYTES:
        raise ValueError(f"a ULID takes {RANDOM_BYTES} random bytes, got {len(randomness)}")
    value = (now_ms & ((1 << 48) - 1)) << _RANDOM_BITS | int.from_bytes(randomness, "big")
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def prefixed(prefix: str, *, now_ms: int, randomness: bytes) -> str:
    """Return `<prefix>_<ulid>`, for what is not asked for in other regions."""
    return f"{prefix}_{ulid(now_ms=now_ms, randomness=randomness)}"


def numbered(base: str, index: int) -> str:
    """Return the id of one of many that were made at once: the last ten bits of randomness give way to the index (0 to 1023)."""
    return base[:-2] + _CROCKFORD[index >> 5] + _CROCKFORD[index & 31]


def job_id(*, region: str, now_ms: int, randomness: bytes) -> str:
    """Return `job_<region without dashes>_<ulid>`, so that any region can tell where a job lives."""
    return f"job_{region.replace('-', '')}_{ulid(now_ms=now_ms, randomness=randomness)}"


def lives_in(job: str, region: str) -> bool:
    """Say whether a job's id carries the region."""
    return job.startswith(f"job_{region.replace('-', '')}_")
