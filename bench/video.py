"""Measure videos through the local cloud: python -m bench.video [--seconds 5.8 60] [--workers 1 2] [--repeats 3] [--write-docs]

The films of bench/_films.py go by URL; the time is from the request to the verdict, and the stages are those of the run in the
middle. Functions are warm: one film goes first. Films longer than LONG_S go once. The whole table, for a quiet machine:
--seconds 10 60 600 1800 --workers 1 2 4 8. Writes bench/results/video.json; --write-docs also the table in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2

from bench._figures import Machine, write_between_markers
from bench._films import kept_film
from bench._stages import Stages, stages_of
from bench.latency import DOCS, RESULTS
from forensics.settings import ModelSettings
from localcloud import localise
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.demo import file_server
from tests.support.executions import Executions

LONG_S = 120.0  # such films are measured once
LONGEST_WAIT_S = 1800


HEAD = (
    "| seconds of film | frame workers | wall, s (median) | slowest, s | times realtime "
    "| plan, s | frames, s | audio, s | join, s | waiting, s |\n|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Row:
    """The median of some runs: seconds of film, frame workers at a time, wall seconds, and where they went."""

    film_s: float
    workers: int
    wall_s: float
    slowest_s: float
    stages: Stages

    def line(self) -> str:
        times = f"{self.wall_s:.2f} | {self.slowest_s:.2f} | {self.film_s / self.wall_s:.1f}"
        return f"| {self.film_s:g} | {self.workers} | {times} | {self.stages.cells()} |"


def measure(lengths: list[float], workers: int, repeats: int) -> list[Row]:
    """Return a row for each length, with so many frame workers; starts a local cloud of its own."""
    localise.MAP_WORKERS = workers
    rows = []
    folder = kept_film(min(lengths)).parent
    with local_cloud() as cloud, file_server(folder) as files:
        headers = {"Authorization": f"Bearer {cloud.create_key()}", "Prefer": "wait=25"}
        with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=120, trust_env=False) as api:
            judged(api, f"{files}/{kept_film(min(lengths)).name}")  # warms the functions
            for seconds in lengths:
                url = f"{files}/{kept_film(seconds).name}"
                runs = sorted(judged(api, url) for _ in range(1 if seconds > LONG_S else repeats))
                rows.append(row(cloud, runs, seconds, workers))
                print(rows[-1].line(), flush=True)
    return rows


def row(cloud: LocalCloud, runs: list[tuple[float, str]], film_s: float, workers: int) -> Row:
    """Return the row of some runs, wall seconds and job, the quickest first."""
    _, job_id = runs[len(runs) // 2]
    wall_s = statistics.median(wall for wall, _ in runs)
    stages = stages_of(Executions(cloud).events(job_id), wall_s=runs[len(runs) // 2][0])
    return Row(film_s, workers, wall_s, runs[-1][0], stages)


def judged(api: httpx2.Client, url: str) -> tuple[float, str]:
    """Return the seconds until the verdict and the job; ends the benchmark when there is none."""
    start = time.perf_counter()
    answer = api.post("/detect/video", json={"media_url": url}).json()
    while answer.get("status") in ("queued", "processing"):
        answer = api.get(f"/jobs/{answer['job_id']}", params={"wait": 20}).json()
        if time.perf_counter() - start > LONGEST_WAIT_S:
            raise SystemExit("the job never ended")
    if answer.get("status") != "completed" or answer["media"]["coverage"] < 1:
        raise SystemExit(f"the film was not judged: {json.dumps(answer)[:500]}")
    return time.perf_counter() - start, answer["job_id"]


def merged(rows: list[Row], path: Path) -> list[Row]:
    """Return the rows together with those of an earlier run that measured something else, in order."""
    known = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    earlier = [Row(**{**row, "stages": Stages(**row["stages"])}) for row in known]
    mine = {(row.workers, row.film_s) for row in rows}
    kept = [row for row in earlier if (row.workers, row.film_s) not in mine]
    return sorted([*rows, *kept], key=lambda row: (row.workers, row.film_s))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.video", description="Measure videos through the local cloud."
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[5.8, 60.0])
    parser.add_argument("--workers", type=int, nargs="+", default=[2], help="frame workers at a time")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--keep", action="store_true", help="keep what is known of other lengths and numbers of workers"
    )
    parser.add_argument("--write-docs", action="store_true", help="also write the table in docs/benchmarks.md")
    options = parser.parse_args()
    machine = Machine.here(threads_per_model=ModelSettings.from_env().threads)
    rows = [row for workers in options.workers for row in measure(options.seconds, workers, options.repeats)]
    RESULTS.mkdir(exist_ok=True)
    if options.keep:
        rows = merged(rows, RESULTS / "video.json")
    found = {"machine": asdict(machine), "repeats": options.repeats, "rows": [asdict(row) for row in rows]}
    (RESULTS / "video.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    table = "\n".join([HEAD, *(row.line() for row in rows)]) + "\n"
    if options.write_docs:
        write_between_markers(DOCS, table, medium="video")


if __name__ == "__main__":
    main()
