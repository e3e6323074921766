"""What the latency benchmark found, and how it is told: JSON for machines, a table for docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- latency of {}: written by python -m bench.latency --write-docs -->", "<!-- /latency of {} -->"
STAGE_NAMES = {
    "gateway": "gateway, HTTP and form: the whole less the function's stages",
    "fetch": "fetch: the file out of the request",
    "decode": "decode",
    "provenance": "provenance",
    "vad": "vad: where somebody speaks",
    "signals": "signals",
    "model": "model",
    "faces": "faces: searched for and judged",
    "store": "store: one PutItem",
}


@dataclass(frozen=True)
class Spread:
    """Milliseconds of many calls: the median over rounds of each round's p50 and p95."""

    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, rounds: Sequence[Sequence[float]], *, digits: int = 1) -> Spread:
        p50 = statistics.median(statistics.median(times) for times in rounds)
        p95 = statistics.median(percentile(times, 0.95) for times in rounds)
        return cls(round(p50, digits), round(p95, digits))


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
class LongFile:
    """The longest file that is taken, as a job: seconds of sound, of waiting for the verdict, and the function's memory in MB."""

    seconds: float
    megabytes: float
    wall_s: float
    peak_mb: int

    @property
    def realtime(self) -> float:
        return round(self.seconds / self.wall_s, 1)


@dataclass(frozen=True)
class Figures:
    """One run of the benchmark; times in milliseconds and seconds, memory in MB of 2^20 bytes, as the names say."""

    medium: str
    machine: Machine
    calls: int
    rounds: int
    file: str
    target_ms: float
    target_mb: float
    start_and_deploy_s: float
    total: Spread
    stages: Mapping[str, Spread]
    others: Mapping[str, Spread]  # calls of the other endpoints
    first_answer_s: float
    import_and_load_s: float
    import_and_load_cpu_s: float
    resident_mb: int
    peak_mb: int
    long: LongFile | None = None


@dataclass(frozen=True)
class Target:
    """What was aimed at, what was measured, and whether that is enough; `least` when more is better."""

    name: str
    bound: float
    measured: float
    unit: str
    least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.least else self.measured <= self.bound

    def __str__(self) -> str:
        verdict, side = "met" if self.met else "missed", "least" if self.least else "most"
        return f"{self.name}: {self.measured:g} {self.unit}, target at {side} {self.bound:g} {self.unit}, {verdict}"


def targets(found: Figures) -> tuple[Target, ...]:
    always = (
        Target("warm answer, p50", found.target_ms, found.total.p50_ms, "ms"),
        Target("import and load of the function", 2, found.import_and_load_s, "s"),
        Target("resident memory of the function", found.target_mb, found.resident_mb, "MB"),
    )
    if found.long is None:
        return always
    return (
        *always,
        Target("the longest recording, speed", 60, found.long.realtime, "times realtime", least=True),
        Target("the longest recording, peak memory", found.target_mb, found.long.peak_mb, "MB"),
    )


def markdown(found: Figures) -> str:
    """Return the figures as docs/benchmarks.md shows them, without the markers."""
    machine, long = found.machine, found.long
    rows = [("**whole call**", found.total)]
    rows += [(STAGE_NAMES.get(name, name), spread) for name, spread in found.stages.items()]
    rows += [(f"`{name}`" if "/" in name else name, spread) for name, spread in found.others.items()]
    table = [f"| {name} | {spread.p50_ms:.1f} | {spread.p95_ms:.1f} |" for name, spread in rows]
    return "\n".join(
        [
            f"{machine.processor}, {machine.cores} cores, {machine.threads_per_model} thread for each model, CPython "
            f"{machine.python}; load before the run {machine.load_before:g}.",
            f"{found.file}; {found.rounds} rounds of {found.calls} calls, one after another on one connection.",
            "",
            f"| `POST /v1/detect/{found.medium}`, warm | p50, ms | p95, ms |",
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
            *([] if long is None else _long_rows(long)),
            "",
            *(f"- {target}" for target in targets(found)),
        ]
    )


def _long_rows(long: LongFile) -> list[str]:
    return [
        "",
        f"| {long.seconds / 60:g} minutes as a job ({long.megabytes:g} MB by URL) | |",
        "|---|---|",
        f"| from the call to the verdict | {long.wall_s:g} s, {long.realtime:g} times realtime |",
        f"| memory of the function at its peak | {long.peak_mb} MB |",
    ]


def write_between_markers(page: Path, text: str, *, medium: str) -> None:
    """Replace what lies between the medium's markers of a page; raises ValueError when it has none."""
    opening, closing = BEGIN.format(medium), END.format(medium)
    before, begin, rest = page.read_text(encoding="utf-8").partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"{page.name} lacks the markers {opening} and {closing}")
    page.write_text(f"{before}{opening}\n{text}\n{closing}{after}", encoding="utf-8")


def percentile(times: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    return sorted(times)[max(0, -(-int(share * 100) * len(times) // 100) - 1)]


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()
