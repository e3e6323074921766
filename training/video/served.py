"""Every clip of DATA_ROOT/video judged by the deployed system over HTTP: python -m training.video.served

Starts the local cloud, gives it each clip by URL, writes models/video/served.json (verdict, score, segments, seconds) and the table
of docs/models/video.md. The first clip goes once before, unmeasured, so that the functions are warm.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from forensics.settings import ModelSettings
from localcloud.cloud import local_cloud
from localcloud.demo import file_server
from localcloud.emulator import ROOT
from training.metrics import auc
from training.video.measure import BOOTSTRAPS, WHOLE_FRAME_SOURCES

PAGE = ROOT / "docs" / "models" / "video.md"
BEGIN, END = "<!-- served: written by python -m training.video.served -->", "<!-- /served -->"
OUT = Path("video") / "served.json"  # below the models
WAIT_S = 20
LONGEST_S = 600.0
MOST_SPANS = 4  # told of one clip


@dataclass(frozen=True)
class Served:
    """What a caller was told of one clip; `score` is P(fake), `wall_s` from the request to the verdict."""

    name: str
    fake: bool
    source: str
    media_s: float
    verdict: str
    score: float
    reason: str
    coverage: float
    spans: tuple[str, ...]
    wall_s: float

    def line(self) -> str:
        label = "fake" if self.fake else "real"
        spans = "; ".join(self.spans[:MOST_SPANS]) + ("; ..." if len(self.spans) > MOST_SPANS else "")
        return (
            f"| {self.name} | {label} | {self.source} | {self.media_s:.1f} | {self.verdict} | {self.score:.2f} "
            f"| {self.reason} | {spans} | {self.wall_s:.1f} |"
        )


def main() -> None:
    root = Path(os.environ["DATA_ROOT"]) / "video"
    with (root / "manifest.csv").open(newline="") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda r: (r["label"], r["source"], r["path"]))
    found = list(judge(root, rows))
    out = ModelSettings.from_env().models_dir / OUT
    out.write_text(json.dumps([asdict(clip) for clip in found], indent=1) + "\n", encoding="utf-8")
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE.name} lacks the markers {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n{tables(found)}\n{END}{after}", encoding="utf-8")


def judge(root: Path, rows: Sequence[dict[str, str]]) -> Iterator[Served]:
    """Yield what the deployed system says of each clip, in the manifest's order."""
    with local_cloud() as cloud, file_server(root) as files:
        headers = {"Authorization": f"Bearer {cloud.create_key()}", "Prefer": f"wait={WAIT_S}"}
        with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=120, trust_env=False) as api:
            answer_for(api, f"{files}/{rows[0]['path']}")
            for row in rows:
                started = time.perf_counter()
                answer = answer_for(api, f"{files}/{row['path']}")
                clip = served(row, answer, time.perf_counter() - started)
                print(clip.line(), flush=True)
                yield clip


def answer_for(api: httpx2.Client, url: str) -> dict[str, Any]:
    """Return the result; ends the run when there is none."""
    started = time.perf_counter()
    answer: dict[str, Any] = api.post("/detect/video", json={"media_url": url}).json()
    while answer.get("status") in ("queued", "processing"):
        answer = api.get(f"/jobs/{answer['job_id']}", params={"wait": WAIT_S}).json()
        if time.perf_counter() - started > LONGEST_S:
            raise SystemExit("the job never ended")
    if answer.get("status") != "completed":
        raise SystemExit(f"a clip was not judged: {json.dumps(answer)[:500]}")
    return answer


def served(row: dict[str, str], answer: dict[str, Any], wall_s: float) -> Served:
    spans = tuple(f"{s['kind']} {s['start']:.1f}-{s['end']:.1f} s" for s in answer["flagged_segments"])
    media = answer["media"]
    return Served(
        name=Path(row["path"]).stem,
        fake=row["label"] == "fake",
        source=row["source"],
        media_s=round(media["duration_s"], 1),
        verdict=answer["verdict"],
        score=round(answer["score"], 4),
        reason=next(iter(answer["reasons"]), ""),
        coverage=media["coverage"],
        spans=spans,
        wall_s=round(wall_s, 2),
    )


def tables(clips: Sequence[Served]) -> str:
    real = [clip for clip in clips if not clip.fake]
    whole = [clip for clip in clips if clip.fake and clip.source in WHOLE_FRAME_SOURCES]
    faces = [clip for clip in clips if clip.fake and clip.source not in WHOLE_FRAME_SOURCES]
    decided = {"synthetic", "manipulated"}
    found = sum(clip.verdict in decided for clip in whole + faces)
    accused = sum(clip.verdict in decided for clip in real)
    per_s = np.median([clip.media_s / clip.wall_s for clip in clips])
    return "\n".join(
        [
            "| clip | label | source | seconds | verdict | score | first reason | flagged | wall, s |",
            "|---|---|---|---|---|---|---|---|---|",
            *(clip.line() for clip in clips),
            "",
            f"AUC of the score against the {len(real)} real clips: faces put into film ({len(faces)}) {auc_cell(faces, real)}, "
            f"wholly generated ({len(whole)}) {auc_cell(whole, real)}. Decided fake: {found} of {len(faces) + len(whole)} fakes "
            f"and {accused} of {len(real)} real clips. {per_s:.1f} times realtime in the median.",
        ]
    )


def auc_cell(fakes: Sequence[Served], reals: Sequence[Served]) -> str:
    """Return the AUC with the central 95 % of resampled clips."""
    scores = [np.array([clip.score for clip in clips]) for clips in (fakes, reals)]
    rng = np.random.default_rng(0)
    drawn = [_auc(*(rng.choice(s, len(s)) for s in scores)) for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{_auc(*scores):.2f} ({low:.2f}-{high:.2f})"


def _auc(fakes: np.ndarray, reals: np.ndarray) -> float:
    return auc(np.concatenate([fakes, reals]), np.array([1] * len(fakes) + [0] * len(reals)))


if __name__ == "__main__":
    main()
