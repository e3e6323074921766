"""What the video pipeline is worth on the development clips: python -m training.video.measure [--again]

Scores every clip of DATA_ROOT/video with the serving code, writes models/video/metrics.json (scores by clip, frames included),
models/video/manifest.toml (pooling, thresholds) and prints the tables of docs/models/video.md. Without --again, clips that
metrics.json already holds are not scored anew.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from forensics.detect.audio import AudioDetector
from forensics.detect.image import ImageDetector
from forensics.domain.evidence import Provenance
from forensics.domain.job import DetectOptions
from forensics.domain.video import ChunkResult, FrameScore, SoundResult, VideoPlan
from forensics.domain.video_verdict import pooled_logit
from forensics.settings import ModelSettings
from forensics.usecases.analyse_video import hear_sound, join_video, plan_video, score_chunk
from forensics.usecases.video_model import MODEL_DIRECTORY, read_video_model

UPPER_SHARE = 0.5
LEAST_FRAMES = 2
BOOTSTRAPS = 500
TOLERATED = 1  # real clips above the strict threshold
# Made by a generator from a still or from sound: every pixel is synthetic. The others are real film with another face pasted in.
WHOLE_FRAME_SOURCES = ("musev", "dreamtalk")

Pool = Callable[[Sequence[FrameScore]], float]
POOLS: dict[str, Pool] = {
    "mean": lambda frames: pooled_logit(frames, 1.0),
    "mean of the upper half": lambda frames: pooled_logit(frames, 0.5),
    "mean of the upper quarter": lambda frames: pooled_logit(frames, 0.25),
    "highest": lambda frames: pooled_logit(frames, 0.0),
}


@dataclass(frozen=True)
class Clip:
    """One clip with what the workers found."""

    name: str
    fake: bool
    source: str
    plan: VideoPlan
    chunks: tuple[ChunkResult, ...]
    sound: SoundResult | None
    seconds: float

    @property
    def frames(self) -> list[FrameScore]:
        return [frame for chunk in self.chunks for frame in chunk.frames]

    def to_json(self) -> dict[str, Any]:
        sound = self.sound.to_json() if self.sound else None
        chunks = [c.to_json() for c in self.chunks]
        return vars(self) | {"plan": self.plan.to_json(), "chunks": chunks, "sound": sound}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Clip:
        parts = {
            "plan": VideoPlan.from_json(row["plan"]),
            "chunks": tuple(ChunkResult.from_json(c) for c in row["chunks"]),
            "sound": SoundResult.from_json(row["sound"]) if row["sound"] else None,
        }
        return cls(**(row | parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="score every clip anew")
    args = parser.parse_args()
    settings = ModelSettings.from_env()
    directory = settings.models_dir / MODEL_DIRECTORY
    directory.mkdir(exist_ok=True)
    known = {} if args.again else stored(directory / "metrics.json")
    clips = score_all(Path(os.environ["DATA_ROOT"]) / "video", settings, known, directory / "metrics.json")
    write_manifest(directory / "manifest.toml", clips, settings)
    print(tables(clips, settings))


def score_all(root: Path, settings: ModelSettings, known: dict[str, Clip], out: Path) -> list[Clip]:
    """Score the clips of the manifest that are not known yet; what is done is kept after each."""
    image = ImageDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    audio = AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    with (root / "manifest.csv").open(newline="") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda r: (r["label"], r["source"], r["path"]))
    clips: list[Clip] = []
    for row in rows:
        name = Path(row["path"]).stem
        clips.append(known.get(name) or score(root / row["path"], row, image, audio))
        out.write_text(json.dumps([rounded(c.to_json()) for c in clips], indent=1) + "\n")
    return clips


def score(path: Path, row: dict[str, str], image: ImageDetector, audio: AudioDetector) -> Clip:
    started = time.perf_counter()
    with path.open("rb") as handle:
        plan = plan_video(handle)
        chunks = tuple(score_chunk(handle, chunk, image) for chunk in plan.chunks)
        sound = hear_sound(handle, audio) if plan.has_audio else None
    seconds = time.perf_counter() - started
    return Clip(path.stem, row["label"] == "fake", row["source"], plan, chunks, sound, seconds)


def stored(path: Path) -> dict[str, Clip]:
    rows = json.loads(path.read_text()) if path.is_file() else []
    return {row["name"]: Clip.from_json(row) for row in rows}


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list | tuple) else value


def write_manifest(path: Path, clips: Sequence[Clip], settings: ModelSettings) -> None:
    """Write pooling and thresholds.

    `synthetic` is the image model's; the strict one is raised until at most TOLERATED real clips lie above it. `authentic` lies at
    half the odds of the least suspicious fake: a picture model that knows no swapped faces may not call a video real.
    """
    image = ImageDetector.load(settings.models_dir, settings.encoders_dir).manifest
    pooled = {c.name: sigmoid(pooled_logit(c.frames, UPPER_SHARE)) for c in clips}
    least = min(pooled[c.name] for c in clips if c.fake)
    authentic = 0.5 * least / (1 - least) / (1 + 0.5 * least / (1 - least))
    reals = sorted((pooled[c.name] for c in clips if not c.fake), reverse=True)
    strict = max(image.strict.thresholds.synthetic, math.ceil(reals[TOLERATED] * 1e4) / 1e4 + 1e-4)
    modes = {"normal": image.normal.thresholds.synthetic, "strict": min(strict, image.normal.thresholds.synthetic)}
    lines = [
        "# Written by training/video/measure.py; do not edit.",
        'name = "video"\nversion = "0.1.0"\nlicence = "Apache-2.0"\n',
        f"[pooling]\nupper_share = {UPPER_SHARE}\nslope = 1.0\nintercept = 0.0\n",
        f"[spans]\nenter = {modes['normal']:.4f}\nleave = {image.strict.thresholds.synthetic:.4f}\nleast_frames = {LEAST_FRAMES}\n",
    ]
    for mode, synthetic in modes.items():
        fpr, recall = (rate([pooled[c.name] for c in clips if c.fake is fake], synthetic) for fake in (False, True))
        said = f"the frames of {len(clips)} development clips ({sum(c.fake for c in clips)} fakes): an indication, not a rate"
        lines.append(f"[operating.{mode}]\nsynthetic = {synthetic:.4f}\nauthentic = {authentic:.4f}")
        lines.append(f'fpr = {fpr:.4f}\nrecall = {recall:.4f}\nmeasured_on = "{said}"\n')
    path.write_text("\n".join(lines).rstrip() + "\n")


def tables(clips: Sequence[Clip], settings: ModelSettings) -> str:
    """Return the tables of docs/models/video.md as Markdown."""
    return "\n\n".join((pool_table(clips), clip_table(clips, settings)))


def pool_table(clips: Sequence[Clip]) -> str:
    groups = {
        "all fakes": [c for c in clips if c.fake],
        "wholly generated": [c for c in clips if c.source in WHOLE_FRAME_SOURCES],
        "faces put into real film": [c for c in clips if c.fake and c.source not in WHOLE_FRAME_SOURCES],
    }
    real = [c for c in clips if not c.fake]
    head = [f"{name} ({len(found)})" for name, found in groups.items()]
    rows = [f"| pooled over frames | {' | '.join(head)} |", "|---|" + "---|" * len(head)]
    for name, pool in POOLS.items():
        cells = [auc_cell([pool(c.frames) for c in found], [pool(c.frames) for c in real]) for found in groups.values()]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def clip_table(clips: Sequence[Clip], settings: ModelSettings) -> str:
    model = read_video_model(settings.models_dir)
    rows = [
        "| clip | label | source | seconds | frames | picture | sound | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for clip in clips:
        said = join_video(clip.plan, clip.chunks, clip.sound, Provenance(), DetectOptions(), model=model)
        picture = sigmoid(pooled_logit(clip.frames, UPPER_SHARE))
        sound = "" if clip.sound is None or clip.sound.score is None else f"{clip.sound.score:.2f}"
        cells = [
            clip.name,
            "fake" if clip.fake else "real",
            clip.source,
            f"{clip.plan.facts.duration_s:.1f}",
            str(len(clip.frames)),
        ]
        cells += [f"{picture:.2f}", sound, said.decision.verdict.value]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def auc_cell(fakes: Sequence[float], reals: Sequence[float]) -> str:
    """Return the AUC with the central 95 % of resampled clips, both classes resampled apart."""
    rng = np.random.default_rng(0)
    draws = [auc(rng.choice(fakes, len(fakes)), rng.choice(reals, len(reals))) for _ in range(BOOTSTRAPS)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{auc(fakes, reals):.2f} ({low:.2f}-{high:.2f})"


def auc(fakes: Sequence[float], reals: Sequence[float]) -> float:
    return float(roc_auc_score([1] * len(fakes) + [0] * len(reals), [*fakes, *reals]))


def rate(scores: Sequence[float], threshold: float) -> float:
    return sum(s >= threshold for s in scores) / len(scores)


def sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))


if __name__ == "__main__":
    main()
