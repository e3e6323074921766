"""What the video pipeline is worth on the development clips: python -m training.video.measure [--again]

Scores every clip of DATA_ROOT/video with the serving code, writes models/video/metrics.json (scores by clip, frames and faces
included), models/video/manifest.toml (pooling, thresholds) and prints the tables of docs/models/video.md. Without --again, clips
that metrics.json already holds are not scored anew. Run it with --again when models/image, models/audio or models/face changed.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from forensics.detect.audio import AudioDetector
from forensics.detect.face_forgery import MODEL_DIRECTORY as FACE_DIRECTORY
from forensics.detect.face_forgery import has_face_model
from forensics.detect.image import ImageDetector
from forensics.domain.evidence import Provenance
from forensics.domain.job import DetectOptions
from forensics.domain.scores import Thresholds
from forensics.domain.tracks import join_tracks, pooled_faces
from forensics.domain.video import ChunkResult, FrameScore, SoundResult, VideoPlan
from forensics.domain.video_verdict import pooled_logit
from forensics.settings import ModelSettings
from forensics.usecases.analyse_video import hear_sound, join_video, plan_video, score_chunk
from forensics.usecases.video_model import MODEL_DIRECTORY, read_video_model
from forensics.usecases.watch_faces import FaceWatch
from forensics.wiring.video import face_watch

UPPER_SHARE = 0.5
LEAST_FRAMES = 2
LEAST_LOOKS = 2  # at a face that is judged
BOOTSTRAPS = 500
TOLERATED = 1  # real clips above the strict threshold
# Made by a generator from a still or from sound: every pixel is synthetic. The others are real film with another face pasted in.
WHOLE_FRAME_SOURCES = ("musev", "dreamtalk")

POOLS: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda logits: pooled_faces(logits, 1.0),
    "mean of the upper half": lambda logits: pooled_faces(logits, 0.5),
    "mean of the upper quarter": lambda logits: pooled_faces(logits, 0.25),
    "highest": lambda logits: pooled_faces(logits, 0.0),
}


@dataclass(frozen=True)
class Workers:
    """What the clips are scored with."""

    image: ImageDetector
    audio: AudioDetector
    watch: Callable[[], FaceWatch]


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

    @property
    def face_logits(self) -> list[tuple[float, ...]]:
        """The logits of every face that was looked at often enough."""
        pieces = [piece for chunk in self.chunks if chunk.faces for piece in chunk.faces.pieces]
        return [track.logits for track in join_tracks(pieces) if len(track.logits) >= LEAST_LOOKS]

    @property
    def face_score(self) -> float | None:
        """P(fake) of the most suspicious face, None when there is none or no face model."""
        return max((sigmoid(pooled_faces(logits, UPPER_SHARE)) for logits in self.face_logits), default=None)

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
    (directory / "manifest.toml").write_text(manifest(clips, settings))
    print(tables(clips, settings))


def score_all(root: Path, settings: ModelSettings, known: dict[str, Clip], out: Path) -> list[Clip]:
    """Score the clips of the manifest that are not known yet; what is done is kept after each."""
    workers = Workers(
        ImageDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads),
        AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads),
        face_watch(settings),
    )
    with (root / "manifest.csv").open(newline="") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda r: (r["label"], r["source"], r["path"]))
    clips: list[Clip] = []
    for row in rows:
        name = Path(row["path"]).stem
        clips.append(known.get(name) or score(root / row["path"], row, workers))
        print(name, f"{clips[-1].seconds:.1f} s", flush=True)
        out.write_text(json.dumps([rounded(c.to_json()) for c in clips], indent=1) + "\n")
    return clips


def score(path: Path, row: dict[str, str], workers: Workers) -> Clip:
    started = time.perf_counter()
    with path.open("rb") as handle:
        plan = plan_video(handle)
        chunks = tuple(bare(score_chunk(handle, chunk, workers.image, workers.watch())) for chunk in plan.chunks)
        sound = hear_sound(handle, workers.audio) if plan.has_audio else None
    seconds = time.perf_counter() - started
    return Clip(path.stem, row["label"] == "fake", row["source"], plan, chunks, sound, seconds)


def bare(chunk: ChunkResult) -> ChunkResult:
    """Return the chunk without what no table needs: the colours that tell cuts, and the landmarks."""
    if chunk.faces is None:
        return replace(chunk, looks=())
    pieces = tuple(replace(p, looks=tuple(replace(k, landmarks=()) for k in p.looks)) for p in chunk.faces.pieces)
    return replace(chunk, looks=(), faces=replace(chunk.faces, pieces=pieces))


def stored(path: Path) -> dict[str, Clip]:
    rows = json.loads(path.read_text()) if path.is_file() else []
    return {row["name"]: Clip.from_json(row) for row in rows}


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list | tuple) else value


def manifest(clips: Sequence[Clip], settings: ModelSettings) -> str:
    """Return the text of the manifest: how frames and faces are pooled, and the thresholds of both."""
    image = ImageDetector.load(settings.models_dir, settings.encoders_dir).manifest
    pooled = {c.name: sigmoid(pooled_logit(c.frames, UPPER_SHARE)) for c in clips}
    modes = frame_modes(clips, pooled, image.normal.thresholds.synthetic, image.strict.thresholds.synthetic)
    parts = [
        "# Written by training/video/measure.py; do not edit.",
        'name = "video"\nversion = "0.2.0"\nlicence = "Apache-2.0"\n',
        f"[pooling]\nupper_share = {UPPER_SHARE}\nslope = 1.0\nintercept = 0.0\n",
        spans_text("spans", enter=modes["normal"].synthetic, leave=image.strict.thresholds.synthetic),
        *(mode_text(f"operating.{name}", bounds, clips, pooled, "frames") for name, bounds in modes.items()),
    ]
    if has_face_model(settings.models_dir):
        own = face_modes(settings.models_dir)
        parts.append(f"[faces]\nupper_share = {UPPER_SHARE}\nleast_looks = {LEAST_LOOKS}\n")
        parts.append(spans_text("faces.spans", enter=own["normal"].synthetic, leave=own["strict"].synthetic))
        scores = {c.name: score for c in clips if (score := c.face_score) is not None}
        parts += [mode_text(f"faces.{name}", bounds, clips, scores, "faces") for name, bounds in own.items()]
    return "\n".join(parts).rstrip() + "\n"


def frame_modes(
    clips: Sequence[Clip], pooled: Mapping[str, float], normal: float, strict: float
) -> dict[str, Thresholds]:
    """Return the thresholds of whole frames.

    `synthetic` is the image model's; the strict one is raised until at most TOLERATED real clips lie above it. `authentic` lies at
    half the odds of the least suspicious fake: a picture model that knows no swapped faces may not call a video real.
    """
    least = min(pooled[c.name] for c in clips if c.fake)
    authentic = 0.5 * least / (1 - least) / (1 + 0.5 * least / (1 - least))
    reals = sorted((pooled[c.name] for c in clips if not c.fake), reverse=True)
    raised = max(strict, math.ceil(reals[TOLERATED] * 1e4) / 1e4 + 1e-4)
    return {"normal": Thresholds(normal, authentic), "strict": Thresholds(min(raised, normal), authentic)}


def face_modes(models_dir: Path) -> dict[str, Thresholds]:
    """Return the face model's own thresholds."""
    table = tomllib.loads((models_dir / FACE_DIRECTORY / "manifest.toml").read_text())["operating"]
    return {name: Thresholds(table[name]["synthetic"], table[name]["authentic"]) for name in ("normal", "strict")}


def spans_text(name: str, *, enter: float, leave: float) -> str:
    return f"[{name}]\nenter = {enter:.4f}\nleave = {leave:.4f}\nleast_frames = {LEAST_FRAMES}\n"


def mode_text(name: str, bounds: Thresholds, clips: Sequence[Clip], scores: Mapping[str, float], what: str) -> str:
    scored = [c for c in clips if c.name in scores]
    fpr, recall = (rate([scores[c.name] for c in scored if c.fake is fake], bounds.synthetic) for fake in (False, True))
    said = f"the {what} of {len(scored)} development clips ({sum(c.fake for c in scored)} fakes): an indication, not a rate"
    head = f"[{name}]\nsynthetic = {bounds.synthetic:.4f}\nauthentic = {bounds.authentic:.4f}\n"
    return head + f'fpr = {fpr:.4f}\nrecall = {recall:.4f}\nmeasured_on = "{said}"\n'


def tables(clips: Sequence[Clip], settings: ModelSettings) -> str:
    """Return the tables of docs/models/video.md as Markdown."""
    frames = {name: lambda c, pool=pool: pool([logit(f.score) for f in c.frames]) for name, pool in POOLS.items()}
    faces = {name: lambda c, pool=pool: max(map(pool, c.face_logits)) for name, pool in POOLS.items()}
    seen = [c for c in clips if c.face_logits]
    parts = [pool_table("whole frames", frames, clips)]
    parts += [pool_table("faces, the most suspicious one", faces, seen)] if seen else []
    return "\n\n".join((*parts, clip_table(clips, settings)))


def pool_table(title: str, pools: Mapping[str, Callable[[Clip], float]], clips: Sequence[Clip]) -> str:
    groups = {
        "all fakes": [c for c in clips if c.fake],
        "wholly generated": [c for c in clips if c.source in WHOLE_FRAME_SOURCES],
        "faces put into real film": [c for c in clips if c.fake and c.source not in WHOLE_FRAME_SOURCES],
    }
    real = [c for c in clips if not c.fake]
    head = [f"{name} ({len(found)})" for name, found in groups.items()]
    rows = [f"| {title} | {' | '.join(head)} |", "|---|" + "---|" * len(head)]
    for name, pool in pools.items():
        cells = [auc_cell([pool(c) for c in found], [pool(c) for c in real]) for found in groups.values()]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def clip_table(clips: Sequence[Clip], settings: ModelSettings) -> str:
    model = read_video_model(settings.models_dir)
    rows = [
        "| clip | label | source | seconds | frames | looks at faces | whole frames | face | sound | verdict |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for clip in clips:
        said = join_video(clip.plan, clip.chunks, clip.sound, Provenance(), DetectOptions(), model=model)
        picture = sigmoid(pooled_logit(clip.frames, UPPER_SHARE))
        sound = clip.sound.score if clip.sound else None
        cells = [clip.name, "fake" if clip.fake else "real", clip.source, f"{clip.plan.facts.duration_s:.1f}"]
        cells += [str(len(clip.frames)), str(sum(c.faces.searched for c in clip.chunks if c.faces)), f"{picture:.2f}"]
        cells += ["" if v is None else f"{v:.2f}" for v in (clip.face_score, sound)]
        rows.append(f"| {' | '.join([*cells, said.decision.verdict.value])} |")
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


def logit(score: float) -> float:
    return pooled_logit([FrameScore(0.0, score)], 1.0)


def sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))


if __name__ == "__main__":
    main()
