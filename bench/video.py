"""Measure videos through the local cloud: python -m bench.video [--seconds 5.8 60] [--workers 1 2] [--repeats 3] [--write-docs]

The film is H.264, 1280 x 720, 25 frames a second: a portrait that drifts, with a made-up voice. It goes by URL; the time is from
the request to the verdict. Functions are warm: one film goes first. Writes bench/results/video.json; --write-docs also writes the
table in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import httpx2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench._figures import Machine, write_between_markers
from bench.latency import DOCS, RESULTS
from bench.voice import RATE_HZ, voice
from forensics.settings import ModelSettings
from localcloud import localise
from localcloud.cloud import local_cloud
from localcloud.demo import MEDIA, file_server

WIDTH, HEIGHT, FPS = 1280, 720, 25
DRIFT_PX, PERIOD_S = 60, 5.0
LONGEST_WAIT_S = 1800


@dataclass(frozen=True)
class Row:
    """The median of some runs: seconds of film, frame workers at a time, wall seconds."""

    film_s: float
    workers: int
    wall_s: float
    slowest_s: float

    def line(self) -> str:
        return f"| {self.film_s:g} | {self.workers} | {self.wall_s:.2f} | {self.slowest_s:.2f} | {self.film_s / self.wall_s:.1f} |"


def frames(seconds: float) -> Iterator[NDArray[np.uint8]]:
    """Yield the film's pictures, uint8 (HEIGHT, WIDTH, 3)."""
    with Image.open(MEDIA / "portrait.jpg") as portrait:
        scale = (HEIGHT + 2 * DRIFT_PX) / portrait.height
        size = max(WIDTH + 2 * DRIFT_PX, round(portrait.width * scale)), HEIGHT + 2 * DRIFT_PX
        canvas = Image.new("RGB", size, (90, 100, 110))
        canvas.paste(portrait.convert("RGB").resize((round(portrait.width * scale), size[1])), (size[0] // 4, 0))
    still = np.asarray(canvas)
    for number in range(round(seconds * FPS)):
        turn = 2 * np.pi * number / FPS / PERIOD_S
        x, y = round(DRIFT_PX * (1 + np.sin(turn))), round(DRIFT_PX * (1 + np.cos(1.3 * turn)))
        yield still[y : y + HEIGHT, x : x + WIDTH]


def film(seconds: float) -> bytes:
    """Return the film as MP4 with AAC sound."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        picture = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "26"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = output.add_stream("aac", rate=RATE_HZ, layout="mono")
        for pixels in frames(seconds):
            output.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        output.mux(picture.encode(None))
        speech = av.AudioFrame.from_ndarray(voice(seconds)[None].astype(np.float32), format="fltp", layout="mono")
        speech.sample_rate = RATE_HZ
        output.mux(sound.encode(speech))
        output.mux(sound.encode(None))
    return buffer.getvalue()


def measure(lengths: list[float], workers: int, repeats: int) -> list[Row]:
    """Return a row for each length, with so many frame workers; starts a local cloud of its own."""
    localise.MAP_WORKERS = workers
    rows = []
    with local_cloud() as cloud, tempfile.TemporaryDirectory() as folder, file_server(Path(folder)) as files:
        headers = {"Authorization": f"Bearer {cloud.create_key()}", "Prefer": "wait=25"}
        with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=120, trust_env=False) as api:
            for seconds in (lengths[0], *lengths):  # the first one warms the functions
                (Path(folder) / "film.mp4").write_bytes(film(seconds))
                walls = [judged(api, f"{files}/film.mp4") for _ in range(repeats)]
                rows.append(Row(seconds, workers, statistics.median(walls), max(walls)))
                print(rows[-1].line(), flush=True)
    return rows[1:]


def judged(api: httpx2.Client, url: str) -> float:
    """Return the seconds until the verdict; ends the benchmark when there is none."""
    start = time.perf_counter()
    answer = api.post("/detect/video", json={"media_url": url}).json()
    while answer.get("status") in ("queued", "processing"):
        answer = api.get(f"/jobs/{answer['job_id']}", params={"wait": 20}).json()
        if time.perf_counter() - start > LONGEST_WAIT_S:
            raise SystemExit("the job never ended")
    if answer.get("status") != "completed" or answer["media"]["coverage"] < 1:
        raise SystemExit(f"the film was not judged: {json.dumps(answer)[:500]}")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.video", description="Measure videos through the local cloud."
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[5.8, 60.0])
    parser.add_argument("--workers", type=int, nargs="+", default=[2], help="frame workers at a time")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write-docs", action="store_true", help="also write the table in docs/benchmarks.md")
    options = parser.parse_args()
    machine = Machine.here(threads_per_model=ModelSettings.from_env().threads)
    rows = [row for workers in options.workers for row in measure(options.seconds, workers, options.repeats)]
    RESULTS.mkdir(exist_ok=True)
    found = {"machine": asdict(machine), "repeats": options.repeats, "rows": [asdict(row) for row in rows]}
    (RESULTS / "video.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    head = "| seconds of film | frame workers | wall, s (median) | slowest, s | times realtime |\n|---|---|---|---|---|"
    table = "\n".join([head, *(row.line() for row in rows)]) + "\n"
    if options.write_docs:
        write_between_markers(DOCS, table, medium="video")


if __name__ == "__main__":
    main()
