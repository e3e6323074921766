"""What is remembered of a call that bears an Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

REMEMBERED_FOR = timedelta(hours=24)
MAX_KEY_CHARS = 255
# What depends on the moment, and not on the request, is not remembered: the same call may fare better next time.
MOMENTARY = frozenset({401, 403, 408, 409, 425, 429})


@dataclass(frozen=True)
class Answer:
    """An answer to give again.

    A result is not kept a second time but read from its job, `job_id`, when `body` is None. A `sealed` body is one that only
    its own function can open.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)
    job_id: str | None = None
    sealed: bool = False


@dataclass(frozen=True)
class Record:
    """A key as stored: whose attempt runs until when, and what it answered once it did.

    `locked_until_ms` is in milliseconds of the epoch: after it the attempt counts as crashed. Every attempt makes the job `job_id`.
    """

    record_id: str
    fingerprint: str
    holder: str
    locked_until_ms: int
    job_id: str
    answer: Answer | None = None


@dataclass(frozen=True)
class Attempt:
    """A call that may run: the job it makes has this id, and when `resumed` an attempt before it may have made it already."""

    record_id: str
    holder: str
    job_id: str
    resumed: bool


def record_id(tenant: str, route: str, key: str) -> str:
    """Return the id of a key's record, a hash: keys of callers may say more than we want to store."""
    return hashlib.sha256("\0".join((tenant, route, key)).encode()).hexdigest()


def memorable(status: int) -> bool:
    """Tell whether an answer is given again; faults of ours and of the moment are not."""
    return status < 500 and status not in MOMENTARY
