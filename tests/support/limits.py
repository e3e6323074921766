"""What the tests of limits, bills and idempotency keys share: keys of fresh tenants, the tiniest picture, crowds of callers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import uuid4

import httpx2
import pytest

from forensics.store.counters import DynamoCounters
from forensics.store.idempotency import DynamoRecords
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud

TINY = bytes.fromhex(  # a PNG of one pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cfc0f01f0005000101"
    "ff3a2ec6f90000000049454e44ae426082"
)
T = TypeVar("T")
FIELD = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')
SECONDS_NEEDED = 25
MINUTES_TRIED = 5


def client(cloud: LocalCloud, key: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {key}"}
    # As many connections as threads: a caller who waits for a connection is not there at the same time.
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=100)
    return httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=120, trust_env=False, limits=limits)


def tenant() -> str:
    return f"t-{uuid4().hex[:12]}"


def detect(api: httpx2.Client, data: bytes = TINY, /, **headers: str) -> httpx2.Response:
    return api.post("/detect/image", files={"file": ("a.png", data)}, headers=headers)


def left(answer: httpx2.Response) -> dict[str, tuple[int, int]]:
    """What RateLimit tells: by limit what is left, and for how long."""
    return {name: (int(r), int(t)) for name, r, t in FIELD.findall(answer.headers["RateLimit"])}


def at_once(call: Callable[[int], T], number: int, *, threads: int) -> list[T]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, range(number)))


def warmed(call: Callable[[int], object], *, threads: int) -> None:
    """Start a process for each of many callers at once, a few at a time: all together they would starve each other."""
    call(0)  # and the authorizer but once
    for number in (n for n in (4, 8, 16, 24, 32, 40, 48, 56, 64) if n <= threads):
        at_once(call, 2 * number, threads=number)


def within_a_minute(
    cloud: LocalCloud,
    calls: Callable[[httpx2.Client], list[httpx2.Response]],
    *,
    per_minute: int | None = None,
    live: bool = True,
    seconds: float = SECONDS_NEEDED,
) -> list[httpx2.Response]:
    """Make the calls with a fresh key until all of them fell into one window of the minute."""
    for _ in range(MINUTES_TRIED):
        key = cloud.create_key(tenant=tenant(), plan="free", live=live, per_minute=per_minute)
        with client(cloud, key) as api:
            _early_in_the_minute(seconds)
            minute = time.time() // 60
            answers = calls(api)
        if time.time() // 60 == minute:
            return answers
    pytest.fail(f"no {MINUTES_TRIED} minutes were long enough for the calls")


def counters_of(cloud: LocalCloud) -> DynamoCounters:
    dynamodb = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    return DynamoCounters(lambda: dynamodb, cloud.outputs["CountersTableName"])


def records_of(cloud: LocalCloud) -> DynamoRecords:
    dynamodb = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    return DynamoRecords(lambda: dynamodb, cloud.outputs["IdempotencyTableName"])


def _early_in_the_minute(seconds: float) -> None:
    """Wait for the next minute unless this one is long enough for what follows: its window must hold all of it."""
    rest = 60 - time.time() % 60
    if rest < seconds:
        time.sleep(rest + 0.1)
