"""What the latency benchmark found, and how it is told: JSON for machines, a table for docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- latency: written by python -m bench.latency --write-docs -->", "<!-- /latency -->"
STAGE_NAMES = {
    "gateway": "gateway, HTTP and form: the whole less the function's stages",
    "fetch": "fetch: the file out of the request",
    "decode": "decode",
    "provenance": "provenance",
    "model": "model",
    "store": "store: one PutItem",
}


@dataclass(frozen=True)
class Spread:
    """Milliseconds of many calls: the median over rounds of each round's p50 and p95."""

    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, rounds: Sequence[Sequence[float]]) -> Spread:
        p50 = statistics.median(statistics.median(times) for times in rounds)
        p95 = statistics.median(percentile(times, 0.95) for times in rounds)
        return cls(round(p50, 1), round(p95, 1))


@dataclass(frozen=True)
class Machine:
    """What the figures were measured on; no names or addresses."""

    processor: str
    cores: int
    python: str
    threads_per_model: int
    load_before: float  # processes that wanted to run in the minute before: well below `cores` when quiet

    @classmethod
    def here(cls, *, threads_per_model: int) -> Machine:
        load = os.getloadavg()[0]
        return cls(_processor(), os.cpu_count() or 1, platform.python_version(), threads_per_model, round(load, 1))


@dataclass(frozen=True)
class Figures:
    """One run of the benchmark; times in milliseconds and seconds, memory in MB of 2^20 bytes, as the names say."""

    machine: Machine
    calls: int
    rounds: int
    picture: str
    start_and_deploy_s: float
    total: Spread
    stages: Mapping[str, Spread]
    others: Mapping[str, Spread]  # calls of the other endpoints
    first_answer_s: float
    import_and_load_s: float
    import_and_load_cpu_s: float
    resident_mb: int
    peak_mb: int


@dataclass(frozen=True)
class Target:
    """What was aimed at, what was measured, and whether that is enough."""

    name: str
    bound: float
    measured: float
    unit: str

    @property
    def met(self) -> bool:
        return self.measured <= self.bound

    def __str__(self) -> str:
        verdict = "met" if self.met else "missed"
        return f"{self.name}: {self.measured:g} {self.unit}, target at most {self.bound:g} {self.unit}, {verdict}"


def targets(found: Figures) -> tuple[Target, ...]:
    return (
        Target("warm answer, p50", 200, found.total.p50_ms, "ms"),
        Target("import and load of the function", 2, found.import_and_load_s, "s"),
        Target("resident memory of the function", 700, found.resident_mb, "MB"),
    )


def markdown(found: Figures) -> str:
    """Return the figures as docs/benchmarks.md shows them, without the markers."""
    machine = found.machine
    rows = [("**whole call**", found.total)]
    rows += [(STAGE_NAMES.get(name, name), spread) for name, spread in found.stages.items()]
    rows += [(f"`{name}`", spread) for name, spread in found.others.items()]
    table = [f"| {name} | {spread.p50_ms:.1f} | {spread.p95_ms:.1f} |" for name, spread in rows]
    return "\n".join(
        [
            f"{machine.processor}, {machine.cores} cores, {machine.threads_per_model} thread for each model, CPython "
            f"{machine.python}; load before the run {machine.load_before:g}.",
            f"{found.picture}; {found.rounds} rounds of {found.calls} calls, one after another on one connection.",
            "",
            "| `POST /v1/detect/image`, warm | p50, ms | p95, ms |",
            "|---|---|---|",
            *table,
            "",
            "| cold | |",
            "|---|---|",
            f"| first answer of a new function process, over HTTP | {found.first_answer_s:.2f} s |",
            f"| import of the function and load of its models, compiled | {found.import_and_load_s:.2f} s "
            f"({found.import_and_load_cpu_s:.2f} s of CPU) |",
            f"| start of the local cloud and deployment | {found.start_and_deploy_s:.1f} s |",
            f"| memory of the function after these calls | {found.resident_mb} MB, peak {found.peak_mb} MB |",
            "",
            *(f"- {target}" for target in targets(found)),
        ]
    )


def write_between_markers(page: Path, text: str) -> None:
    """Replace what lies between the markers of a page; raises ValueError when it has none."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} lacks the markers {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def percentile(times: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    return sorted(times)[max(0, -(-int(share * 100) * len(times) // 100) - 1)]


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()
