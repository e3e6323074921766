"""What the video pipeline says of fakes made of the real clips: python -m training.video.made [--again] [--table]

Makes the fakes of training.video.fakes from every real clip of DATA_ROOT/video, scores them with the serving code, writes
models/video/made.json and the table of docs/models/video.md. What made.json holds already is not made again without --again;
--table writes the table of what it holds and makes nothing. Needs FACE_MESH (training/README.md) and the program espeak-ng.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from forensics.detect.audio import AudioDetector
from forensics.detect.faces import FaceDetector
from forensics.detect.image import ImageDetector
from forensics.domain.evidence import Provenance
from forensics.domain.face_signals import LIP_SYNC, MEASURES, spoken_by, watched_s
from forensics.domain.job import DetectOptions
from forensics.domain.video_verdict import pooled_logit
from forensics.settings import ModelSettings
from forensics.usecases.analyse_video import join_video
from forensics.usecases.video_model import MODEL_DIRECTORY, read_video_model
from forensics.wiring.video import face_watch, lip_reader
from training.face.mesh import FaceMesh
from training.video.clips import PLAIN, UPPER_SHARE, Clip, rounded, sigmoid
from training.video.fakes import Donor, Studio, Take, encoded, made_of, take_of
from training.video.measure import Workers, auc_cell, score

DOCS = Path(__file__).parents[2] / "docs/models/video.md"
BEGIN, END = "<!-- made: written by training/video/made.py -->", "<!-- /made -->"
SIGNALS = ("flicker", "identity_drift", "landmark_jitter", "blink_rate")
WORTH = ("whole frames", "face", "sound", *SIGNALS, LIP_SYNC)
KINDS = ("swap", "self_blend", "reenact", "voice")
LEAST_CLIPS = 3  # of each side: fewer make no AUC

Row = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="make every fake anew")
    parser.add_argument("--table", action="store_true", help="only write the table")
    args = parser.parse_args()
    settings = ModelSettings.from_env()
    out = settings.models_dir / MODEL_DIRECTORY / "made.json"
    rows: list[Row] = [] if args.again or not out.exists() else json.loads(out.read_text())
    if not args.table:
        for row in score_all(real_clips(Path(os.environ["DATA_ROOT"]) / "video"), settings, done=rows):
            rows.append(rounded(dict(row)))
            out.write_text(json.dumps(rows, indent=1) + "\n")
    text = table(rows)
    print(text)
    write_docs(text)


def real_clips(root: Path) -> list[Path]:
    with (root / "manifest.csv").open(newline="") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda r: (r["source"], r["path"]))
    return [root / row["path"] for row in rows if row["label"] == "real"]


def score_all(paths: Sequence[Path], settings: ModelSettings, *, done: Sequence[Row]) -> Iterator[Row]:
    """Yield what is said of every clip and of every fake made of it; a swap's face is that of the clip before.

    What is done is passed over.
    """
    finder = FaceDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    studio = Studio(finder, FaceMesh())
    workers = Workers(
        ImageDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads),
        AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads),
        face_watch(settings),
        lip_reader(settings),
    )
    donor = studio.donor(take_of(paths[-1]))
    for seed, path in enumerate(paths):
        take = take_of(path)
        known = {row["kind"] for row in done if row["clip"] == path.stem}
        for row in judged(path.stem, take, donor, studio, workers, settings, seed, known=known):
            print(row, flush=True)
            yield row
        donor = studio.donor(take) or donor


def judged(
    name: str,
    take: Take,
    donor: Donor | None,
    studio: Studio,
    workers: Workers,
    settings: ModelSettings,
    seed: int,
    *,
    known: Collection[str],
) -> Iterator[Row]:
    model = read_video_model(settings.models_dir)
    with tempfile.TemporaryDirectory() as folder:
        for kind, made in made_of(take, donor, studio, seed=seed, but=known):
            path = Path(folder) / f"{name}.mp4"
            path.write_bytes(encoded(made))
            clip = score(path, {"label": "real" if kind == PLAIN else "fake", "source": kind}, workers)
            said = join_video(clip.plan, clip.chunks, clip.sound, Provenance(), DetectOptions(), model=model)
            track = max(said.tracks, key=watched_s, default=None)
            signals = {n: MEASURES[n](track.measures) if track else None for n in SIGNALS}
            voice = clip.sound.voice if clip.sound else None
            signals[LIP_SYNC] = spoken_by(said.tracks, voice) if voice else None
            yield {"clip": name, "kind": kind, "verdict": said.decision.verdict.value, **scores(clip), **signals}


def scores(clip: Clip) -> dict[str, float | None]:
    heard = clip.sound.score if clip.sound else None
    return {"whole frames": sigmoid(pooled_logit(clip.frames, UPPER_SHARE)), "face": clip.face_score, "sound": heard}


def table(rows: Sequence[Row]) -> str:
    """Return the AUC of every kind of fake against the same clips as they are, and how the verdicts fell, as Markdown."""
    plain = [row for row in rows if row["kind"] == PLAIN]
    lines = [
        f"| fakes | {' | '.join(WORTH)} | called fake | authentic |",
        "|---|" + "---|" * (len(WORTH) + 2),
    ]
    for kind in KINDS:
        made = [row for row in rows if row["kind"] == kind]
        cells = [worth(made, plain, what) for what in WORTH]
        lines.append(f"| {kind} ({len(made)}) | {' | '.join(cells)} | {verdicts(made)} |")
    lines.append(f"| as they are ({len(plain)}) | {' | '.join([''] * len(WORTH))} | {verdicts(plain)} |")
    return "\n".join(lines)


def worth(made: Sequence[Row], plain: Sequence[Row], what: str) -> str:
    """Return the AUC with its interval, and the share of fakes that lie above their own original."""
    fakes = {row["clip"]: v for row in made if (v := row[what]) is not None}
    reals = {row["clip"]: v for row in plain if (v := row[what]) is not None}
    if min(len(fakes), len(reals)) < LEAST_CLIPS:
        return ""
    both = [clip for clip in fakes if clip in reals]
    above = sum(fakes[clip] > reals[clip] for clip in both)
    return f"{auc_cell([*fakes.values()], [*reals.values()])}, {above} of {len(both)}"


def verdicts(rows: Sequence[Row]) -> str:
    fake = sum(row["verdict"] in ("synthetic", "manipulated") for row in rows)
    return f"{fake} of {len(rows)} | {sum(row['verdict'] == 'authentic' for row in rows)} of {len(rows)}"


def write_docs(text: str) -> None:
    before, begin, rest = DOCS.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{DOCS.name} lacks its markers")
    DOCS.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
