"""What the video pipeline is worth on the development clips: python -m training.video.measure [--again]

Scores every clip of DATA_ROOT/video with the serving code, writes models/video/metrics.json (scores by clip, frames and faces
included), models/video/manifest.toml (pooling, thresholds) and prints the tables of docs/models/video.md. Without --again, clips
that metrics.json already holds are not scored anew. Run it with --again when models/image, models/audio or models/face changed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from forensics.detect.audio import AudioDetector
from forensics.detect.image import ImageDetector
from forensics.domain.evidence import Provenance
from forensics.domain.job import DetectOptions
from forensics.domain.tracks import pooled_faces
from forensics.domain.video import ChunkResult
from forensics.domain.video_verdict import pooled_logit
from forensics.settings import ModelSettings
from forensics.usecases.analyse_video import VoiceReader, hear_sound, join_video, plan_video, score_chunk
from forensics.usecases.video_model import MODEL_DIRECTORY, read_video_model
from forensics.usecases.watch_faces import FaceWatch
from forensics.wiring.video import face_watch, lip_reader
from training.video.clips import UPPER_SHARE, Clip, logit, rounded, sigmoid
from training.video.manifest import manifest

BOOTSTRAPS = 500
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
    voice: VoiceReader | None


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
        lip_reader(settings),
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
        sound = hear_sound(handle, workers.audio, voice_reader=workers.voice) if plan.has_audio else None
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


if __name__ == "__main__":
    main()
