"""Measure the local API: python -m bench.latency [CALLS]

Prints the seconds from nothing to a deployed stack, and p50 / p95 / max in milliseconds of warm calls over HTTP, one
after another on one connection. The first call of each kind (the cold start) is shown by itself.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import httpx2

from localcloud.cloud import local_cloud
from localcloud.demo import MEDIA

DEFAULT_CALLS = 30


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_CALLS
    started = time.perf_counter()
    with local_cloud() as cloud:
        print(f"{'start and deploy':<28}{time.perf_counter() - started:8.1f} s")
        headers = {"Authorization": f"Bearer {cloud.create_key()}"}
        with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=60, trust_env=False) as api:
            photo = (MEDIA / "photo.jpg").read_bytes()
            report("GET /v1/health", lambda: api.get("/health"), calls)
            report("GET /v1/jobs/unknown", lambda: api.get("/jobs/job_unknown"), calls)
            report("POST /v1/detect/image", lambda: api.post("/detect/image", files={"file": photo}), calls)


def report(name: str, call: Callable[[], httpx2.Response], calls: int) -> None:
    first, status = timed(call)
    warm = sorted(timed(call)[0] for _ in range(calls))
    p50, p95 = statistics.median(warm), warm[int(0.95 * (calls - 1))]
    print(
        f"{name:<28}{p50:8.1f} p50{p95:8.1f} p95{warm[-1]:8.1f} max{first:8.0f} first, ms (HTTP {status})", flush=True
    )


def timed(call: Callable[[], httpx2.Response]) -> tuple[float, int]:
    start = time.perf_counter()
    status = call().status_code
    return (time.perf_counter() - start) * 1000, status


if __name__ == "__main__":
    main()
