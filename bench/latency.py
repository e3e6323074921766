"""Measure the local API: python -m bench.latency [CALLS] [--medium MEDIUM ...] [--rounds N] [--write-docs]

A warm call is split into stages by the answer's Server-Timing; what they leave of the whole is gateway, HTTP and form.
Cold is measured twice: as the first answer of a new function process, and as import and load in a process by itself. The
longest recording goes by URL and comes back as a job. Writes bench/results/latency_<medium>.json; --write-docs also writes
the tables in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import httpx2

from bench._cases import CASES, LONG_S, Case
from bench._figures import Figures, LongFile, Machine, Spread, markdown, write_between_markers
from bench._worker import peak_bytes, resident_bytes, worker
from forensics.settings import ModelSettings
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.demo import file_server
from localcloud.emulator import ROOT
from localcloud.localise import parse

RESULTS = ROOT / "bench" / "results"
DOCS = ROOT / "docs" / "benchmarks.md"
WARM_UP_CALLS = 3
FRESH_PROCESSES = 5
LONGEST_WAIT_S = 600
MB = 1 << 20

STAND_IN = "stand-in"  # for what the deployment fills in: nothing is called, so the names need not exist
LOAD = (
    "import time; wall, cpu = time.perf_counter(), time.process_time(); import functions.{function}.app; "
    "print(time.perf_counter() - wall, time.process_time() - cpu)"
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description="Measure the local API.")
    parser.add_argument("calls", nargs="?", type=int, default=30, help="of each round, default 30")
    parser.add_argument("--medium", choices=CASES, action="append", help="default: every medium")
    parser.add_argument("--rounds", type=int, default=3, help="default 3; medians over them are reported")
    parser.add_argument("--write-docs", action="store_true", help="also write the tables in docs/benchmarks.md")
    options = parser.parse_args()
    for medium in options.medium or CASES:
        found = measure(CASES[medium], calls=options.calls, rounds=options.rounds)
        print(markdown(found), flush=True)
        RESULTS.mkdir(exist_ok=True)
        results = RESULTS / f"latency_{medium}.json"
        results.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
        if options.write_docs:
            write_between_markers(DOCS, markdown(found), medium=medium)


def measure(case: Case, *, calls: int, rounds: int) -> Figures:
    """Return the figures of one run; it starts a local cloud of its own."""
    machine = Machine.here(threads_per_model=ModelSettings.from_env().threads)
    data = case.make()
    wall_s, cpu_s = import_and_load(case)
    started = time.perf_counter()
    with local_cloud() as cloud:
        deployed_s = time.perf_counter() - started
        headers = {"Authorization": f"Bearer {cloud.create_key()}"}
        with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=60, trust_env=False) as api:
            warm, others, first_s = _warm_figures(api, case, data, calls=calls, rounds=rounds)
            resident, peak = _memory(cloud, case)
            long = _long_file(api, cloud, case, case.long()) if case.long else None
    stages = {name: Spread.of([[call[name] for call in calls_] for calls_ in warm]) for name in warm[0][0]}
    return Figures(
        medium=case.medium,
        machine=machine,
        calls=calls,
        rounds=rounds,
        file=f"{case.what}, {len(data) // 1000} kB",
        target_ms=case.target_ms,
        target_mb=case.target_mb,
        start_and_deploy_s=round(deployed_s, 1),
        total=stages.pop("total"),
        stages=stages,
        others=others,
        first_answer_s=round(first_s, 2),
        import_and_load_s=round(wall_s, 2),
        import_and_load_cpu_s=round(cpu_s, 2),
        resident_mb=resident // MB,
        peak_mb=peak // MB,
        long=long,
    )


def _warm_figures(
    api: httpx2.Client, case: Case, data: bytes, *, calls: int, rounds: int
) -> tuple[list[list[dict[str, float]]], dict[str, Spread], float]:
    """Return rounds of warm calls by stage, the other endpoints' times, and the seconds of the first detection."""

    def detect(content: bytes = data) -> httpx2.Response:
        return api.post(f"/detect/{case.medium}", files={"file": (case.file_name, content)})

    def job() -> httpx2.Response:
        return api.get("/jobs/job_unknown")

    def health() -> httpx2.Response:
        return api.get("/health")

    timed(job, expected=404)  # so that the first detection waits for its own function, not for the authorizer
    first_ms, _ = timed(detect)
    for _ in range(WARM_UP_CALLS):
        timed(detect)
    warm = [[_stages(*timed(detect)) for _ in range(calls)] for _ in range(rounds)]
    others = {name: _spread(partial(detect, make()), 200, calls, rounds) for name, make in case.others.items()}
    others |= {
        "GET /v1/health": _spread(health, 200, calls, rounds),
        "GET /v1/jobs/…": _spread(job, 404, calls, rounds),
    }
    return warm, others, first_ms / 1000


def _long_file(api: httpx2.Client, cloud: LocalCloud, case: Case, data: bytes) -> LongFile:
    """Send the longest file by URL and wait for its job; ends the benchmark when it fails or never ends."""
    with tempfile.TemporaryDirectory() as folder, file_server(Path(folder)) as files:
        (Path(folder) / case.file_name).write_bytes(data)
        start = time.perf_counter()
        accepted = api.post(f"/detect/{case.medium}", json={"media_url": f"{files}/{case.file_name}"})
        if accepted.status_code != 202:
            raise SystemExit(f"HTTP {accepted.status_code} in place of 202: {accepted.text[:500]}")
        job = f"/jobs/{accepted.json()['job_id']}"
        while (answer := api.get(job, params={"wait": 20}).json())["status"] not in ("completed", "failed"):
            if time.perf_counter() - start > LONGEST_WAIT_S:
                raise SystemExit("the longest file's job never ended")
        wall_s = time.perf_counter() - start
    if answer["status"] != "completed" or not answer["models"][0]["latency_ms"]:
        raise SystemExit(f"the longest file was not judged: {json.dumps(answer)[:500]}")
    _, peak = _memory(cloud, case)
    return LongFile(LONG_S, round(len(data) / 1e6, 1), round(wall_s, 1), peak // MB)


def timed(call: Callable[[], httpx2.Response], *, expected: int = 200) -> tuple[float, httpx2.Response]:
    """Return milliseconds and answer; ends the benchmark when the answer is another than expected."""
    start = time.perf_counter()
    answer = call()
    elapsed_ms = (time.perf_counter() - start) * 1000
    if answer.status_code != expected:
        raise SystemExit(f"HTTP {answer.status_code} in place of {expected}: {answer.text[:500]}")
    return elapsed_ms, answer


def _stages(total_ms: float, answer: httpx2.Response) -> dict[str, float]:
    timing = answer.headers["Server-Timing"]
    own = {name: float(ms) for name, ms in re.findall(r"([\w-]+);dur=([\d.]+)", timing)}
    return {"total": total_ms, "gateway": total_ms - sum(own.values()), **own}


def _spread(call: Callable[[], httpx2.Response], expected: int, calls: int, rounds: int) -> Spread:
    timed(call, expected=expected)
    return Spread.of([[timed(call, expected=expected)[0] for _ in range(calls)] for _ in range(rounds)])


def _memory(cloud: LocalCloud, case: Case) -> tuple[int, int]:
    process = worker(cloud, case.function)
    if process is None:
        raise SystemExit("the function's process is gone")
    return resident_bytes(process), peak_bytes(process)


def import_and_load(case: Case) -> tuple[float, float]:
    """Return the median seconds, wall and CPU, that a fresh process takes to be ready for its first event."""
    runs = [_fresh_process(case) for _ in range(FRESH_PROCESSES + 1)][1:]  # the first compiles and fills the page cache
    walls, cpus = zip(*runs, strict=True)
    return statistics.median(walls), statistics.median(cpus)


def function_environment(function: str) -> dict[str, str]:
    """Return the environment that the template gives a function, with stand-ins for what the deployment fills in."""
    template = parse((ROOT / "template.yaml").read_text())
    dockerfile = f"functions/{function}/Dockerfile"
    (own,) = (r for r in template["Resources"].values() if r.get("Metadata", {}).get("Dockerfile") == dockerfile)
    given = template["Globals"]["Function"]["Environment"]["Variables"] | own["Properties"]["Environment"]["Variables"]
    values = {name: value if isinstance(value, str) else STAND_IN for name, value in given.items()}
    return values | {"AWS_REGION": "us-east-1", "ALLOW_LOOPBACK_FETCH": "false", "POWERTOOLS_TRACE_DISABLED": "true"}


def _fresh_process(case: Case) -> tuple[float, float]:
    models = ModelSettings.from_env()
    environment: Mapping[str, str] = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **function_environment(case.function),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers/forensics/src"))),
        "MODELS_DIR": str(models.models_dir),
        "ENCODERS_DIR": str(models.encoders_dir),
        "ORT_THREADS": str(models.threads),
    }
    run = subprocess.run(
        [sys.executable, "-c", LOAD.format(function=case.function)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu = run.stdout.split()
    return float(wall), float(cpu)


if __name__ == "__main__":
    main()
