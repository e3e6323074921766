"""Measure small calls on the local stack: python -m bench.jobs [CALLS] [--rounds N] [--write-docs]

GET /v1/jobs/{id} with its whole answer and as 304, over HTTP on one connection; what limits and the Idempotency-Key add to a
detect call, by the requests to AWS that botocore tells of; and what the guard of URLs adds to a fetch. Writes
bench/results/jobs.json; --write-docs also writes the table in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from bench._figures import Machine, Spread, Target, write_between_markers
from bench._requests import GUARD
from bench.latency import DOCS, RESULTS, timed
from forensics.net.fetch import GuardedFetch
from forensics.net.guard import UrlGuard
from forensics.settings import ModelSettings
from localcloud.aws import CONFIG, REGION, ROOT_KEY, session
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.demo import MEDIA, file_server
from localcloud.emulator import ROOT
from localcloud.localise import Template, parse

WARM_UP_CALLS = 200  # a young process runs its code slower
P50_MS, P95_MS = 10, 25
CEILING = 10_000  # requests a second
KB = 1024
FETCHED = 100 * KB


@dataclass(frozen=True)
class Found:
    """One run; spreads in milliseconds, requests by purpose with their median milliseconds."""

    machine: Machine
    calls: int
    rounds: int
    reads: Mapping[str, Spread]
    requests: Mapping[str, float]  # of a detect call with an Idempotency-Key
    requests_without_key: int
    fetches: Mapping[str, Spread]

    @property
    def targets(self) -> tuple[Target, ...]:
        read = self.reads["GET /v1/jobs/{id}"]
        return (
            Target("`GET /v1/jobs/{id}`, p50", P50_MS, read.p50_ms, "ms"),
            Target("`GET /v1/jobs/{id}`, p95", P95_MS, read.p95_ms, "ms"),
        )

    def markdown(self) -> str:
        machine, guard = self.machine, sum(ms for name, ms in self.requests.items() if name in GUARD)
        rows = [(f"`{name}`", spread) for name, spread in self.reads.items()] + list(self.fetches.items())
        return "\n".join(
            [
                f"{machine.processor}, {machine.cores} cores, CPython {machine.python}; load before the run "
                f"{machine.load_before:g}. {self.rounds} rounds of {self.calls} calls, one after another.",
                "",
                "| call, warm | p50, ms | p95, ms |",
                "|---|---|---|",
                *(f"| {name} | {spread.p50_ms:.2f} | {spread.p95_ms:.2f} |" for name, spread in rows),
                "",
                "| request to DynamoDB of one `POST /v1/detect/image` with an `Idempotency-Key` | median, ms |",
                "|---|---|",
                *(f"| {name} | {ms:.1f} |" for name, ms in self.requests.items()),
                "",
                f"{len(self.requests)} requests, {self.requests_without_key} without the key. Limits and key together: "
                f"{guard:.1f} ms of waiting.",
                "",
                *(f"- {target}" for target in self.targets),
            ]
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.jobs", description="Measure small calls on the local stack.")
    parser.add_argument("calls", nargs="?", type=int, default=200, help="of each round, default 200")
    parser.add_argument("--rounds", type=int, default=5, help="default 5; medians over them are reported")
    parser.add_argument("--write-docs", action="store_true", help="also write the table in docs/benchmarks.md")
    options = parser.parse_args()
    found = measure(calls=options.calls, rounds=options.rounds)
    print(found.markdown())
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "jobs.json").write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    if options.write_docs:
        write_between_markers(DOCS, found.markdown(), medium="jobs")


def measure(*, calls: int, rounds: int) -> Found:
    machine = Machine.here(threads_per_model=ModelSettings.from_env().threads)
    with local_cloud(template=_without_ceiling()) as cloud:
        headers = {"Authorization": f"Bearer {cloud.create_key()}"}
        with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=60, trust_env=False) as api:
            reads = _reads(api, calls=calls, rounds=rounds)
        requests = _requests(cloud, calls=max(5, calls // 10))
    return Found(
        machine, calls, rounds, reads, requests["with"], len(requests["without"]), _fetches(calls=calls, rounds=rounds)
    )


def _without_ceiling() -> Template:
    """Return the template with a stage that lets every call through: one client asks for more than the safety net allows."""
    template = parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    template["Parameters"]["RequestsPerSecond"]["Default"] = CEILING
    return template


def _reads(api: httpx2.Client, *, calls: int, rounds: int) -> dict[str, Spread]:
    portrait = (MEDIA / "portrait.jpg").read_bytes()
    _, made = timed(lambda: api.post("/detect/image", files={"file": ("a.jpg", portrait)}))
    path = f"/jobs/{made.json()['job_id']}"
    tag = api.get(path).headers["etag"]
    whole = spread(lambda: timed(lambda: api.get(path))[0], calls, rounds)
    same = spread(lambda: timed(lambda: api.get(path, headers={"If-None-Match": tag}), expected=304)[0], calls, rounds)
    return {"GET /v1/jobs/{id}": whole, "GET /v1/jobs/{id} with If-None-Match, 304": same}


def _requests(cloud: LocalCloud, *, calls: int) -> dict[str, dict[str, float]]:
    """Run one function in a process of its own over the deployed tables, so that its requests can be counted."""
    client = session().client("lambda", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    names = [f["FunctionName"] for f in client.list_functions()["Functions"]]
    name = next(name for name in names if "DetectImageFunction" in name)
    deployed = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **deployed,
        "AWS_ENDPOINT_URL": cloud.emulator.endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "NO_PROXY": "127.0.0.1",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers/forensics/src"))),
    }
    command = [sys.executable, "-m", "bench._requests", str(calls)]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr[-2000:])
    found: dict[str, dict[str, float]] = json.loads(run.stdout.strip().splitlines()[-1])
    return found


def _fetches(*, calls: int, rounds: int) -> dict[str, Spread]:
    """What the guard costs: the look at a URL by itself, and a file from this machine with it and without."""
    with tempfile.TemporaryDirectory() as folder, file_server(Path(folder)) as files:
        (Path(folder) / "file").write_bytes(os.urandom(FETCHED))
        url, guard = f"{files}/file", UrlGuard(allow_loopback=True)
        fetch = GuardedFetch(allow_loopback=True)
        return {
            "the look at a URL alone": spread(lambda: clocked(lambda: guard(url)), calls, rounds, digits=3),
            "100 kB from this machine, guarded": spread(
                lambda: clocked(lambda: fetch(url, max_bytes=2 * FETCHED)), calls, rounds, digits=2
            ),
            "100 kB from this machine, plain `http.client`": spread(
                lambda: clocked(lambda: _plain(url)), calls, rounds, digits=2
            ),
        }


def _plain(url: str) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().read()
    finally:
        connection.close()


def clocked(call: Callable[[], object]) -> float:
    """Return the milliseconds of a call."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def spread(measured: Callable[[], float], calls: int, rounds: int, *, digits: int = 1) -> Spread:
    for _ in range(WARM_UP_CALLS):
        measured()
    return Spread.of([[measured() for _ in range(calls)] for _ in range(rounds)], digits=digits)


if __name__ == "__main__":
    main()
