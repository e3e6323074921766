"""What the signals over time are worth: python -m training.video.signals

Watches the faces of every clip of DATA_ROOT/video as serving does, and those of the real clips once more with each of three
faults put in by hand (MADE). Writes models/video/signals.toml (the central 90 % of stretches of the real clips, every clip
counting the same) and models/video/signals.json (every clip's values, AUCs), and prints the table of docs/signals.md.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.detect.faces import FaceDetector
from forensics.domain.face_signals import MEASURES, watched_s
from forensics.domain.tracks import Face, FaceMeasures, FacePiece, FaceTrack, join_tracks
from forensics.media.face_crop import CANONICAL, aligned, similarity
from forensics.media.look_times import look_times
from forensics.media.video_frames import show_frames
from forensics.settings import ModelSettings
from forensics.usecases.analyse_video import plan_video
from forensics.usecases.watch_faces import FaceWatch
from training.metrics import auc

Rgb = NDArray[np.uint8]
Fault = Callable[[Rgb, Face, np.random.Generator], Rgb]
WORDS = {
    "flicker": ("steady", "natural", "flickering", "Changes of the face's brightness against its surroundings."),
    "landmark_jitter": ("steady", "natural", "trembling", "Trembling of the landmarks in eye distances."),
    "identity_drift": ("steady", "natural", "drifting", "How unlike the face is to its own mean."),
    "blink_rate": ("rare", "natural", "frequent", "Blinks a minute."),
}
SERVED = ("flicker", "identity_drift")  # the others answer to little but the size and the sharpness of a face
WHOLE_FRAME_SOURCES = ("musev", "dreamtalk")
OTHER_EVERY = 5  # one frame of so many shows another face
REACH = 2.5  # eye distances around the middle of a face: more than its crop shows of it
GAIN, SHAKE = 0.04, 0.03  # deviations: of the brightness; of the shift, in eye distances


@dataclass(frozen=True)
class Watched:
    """One clip's most watched face, as it is ("") or with a fault."""

    clip: str
    label: str
    source: str
    fault: str
    stretches: tuple[FaceMeasures, ...]

    def value(self, name: str) -> float | None:
        return MEASURES[name](self.stretches)


def main() -> None:
    settings = ModelSettings.from_env()
    finder = FaceDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    root = Path(os.environ["DATA_ROOT"]) / "video"
    with (root / "manifest.csv").open(newline="") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda r: (r["label"], r["source"], r["path"]))
    watched = []
    for row in rows:
        for fault in ("", *MADE) if row["label"] == "real" else ("",):
            watched.append(watch(root / row["path"], row, finder, fault))
            print(
                fault or row["source"], row["path"], round(sum(m.seconds for m in watched[-1].stretches), 1), flush=True
            )
    ranges = {name: bounds(watched, name) for name in WORDS}
    out = settings.models_dir / "video"
    (out / "signals.toml").write_text(toml({name: ranges[name] for name in SERVED}))
    values = [vars(w) | {"stretches": len(w.stretches)} | {n: rounded(w.value(n)) for n in WORDS} for w in watched]
    worth = {name: worth_of(watched, name) for name in WORDS}
    (out / "signals.json").write_text(json.dumps({"worth": worth, "clips": values}, indent=1) + "\n")
    print(table(ranges, worth))


def watch(path: Path, row: Mapping[str, str], finder: FaceDetector, fault: str) -> Watched:
    """Watch one clip's faces; a fault is put into every frame before it is shown."""
    rng = np.random.default_rng(0)
    pieces: list[FacePiece] = []
    with path.open("rb") as handle:
        for chunk in plan_video(handle).chunks:
            watch = FaceWatch(finder)
            for shown in show_frames(handle, look_times(chunk, watch.in_sight)):
                watch.see(shown.time_s, faulty(shown.rgb, finder, MADE[fault], rng) if fault else shown.rgb)
            pieces.extend(watch.told().pieces)
    track = max(join_tracks(pieces), key=watched_s, default=FaceTrack(0, ()))
    return Watched(path.stem, row["label"], row["source"], fault, track.measures)


def faulty(rgb: Rgb, finder: FaceDetector, fault: Fault, rng: np.random.Generator) -> Rgb:
    """Return the frame with the fault in its largest face; only what is around the face is worked on."""
    faces = finder.detect(rgb, most=1)
    if not faces:
        return rgb
    (x, y), reach = np.mean(faces[0].landmarks, axis=0), REACH * faces[0].eye_distance
    left, top = max(0, round(x - reach)), max(0, round(y - reach))
    near = rgb[top : round(y + reach), left : round(x + reach)]
    points = tuple((px - left, py - top) for px, py in faces[0].landmarks)
    out = rgb.copy()
    out[top : top + near.shape[0], left : left + near.shape[1]] = fault(near, replace(faces[0], landmarks=points), rng)
    return out


def brighter(rgb: Rgb, face: Face, rng: np.random.Generator) -> Rgb:
    """The face's brightness changes from frame to frame, as when each frame is blended by itself."""
    return blended(rgb, rgb.astype(np.float64) * (1 + rng.normal(0, GAIN)), face)


def shaken(rgb: Rgb, face: Face, rng: np.random.Generator) -> Rgb:
    """The lower half of the face moves by itself."""
    shift = np.round(rng.normal(0, SHAKE, 2) * face.eye_distance).astype(int)
    moved = np.roll(rgb, tuple(shift), axis=(0, 1)).astype(np.float64)
    middle = round(face.landmarks[2][1])
    moved[:middle] = rgb[:middle]
    return blended(rgb, moved, face)


def exchanged(rgb: Rgb, face: Face, rng: np.random.Generator) -> Rgb:
    """Now and then the face is another one: its own, upside down."""
    if rng.integers(OTHER_EVERY):
        return rgb
    crop = Image.fromarray(aligned(rgb, np.array(face.landmarks))[::-1])
    linear, shift = similarity(np.array(face.landmarks), CANONICAL)
    matrix = (*linear[0], shift[0], *linear[1], shift[1])
    pasted = crop.transform((rgb.shape[1], rgb.shape[0]), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return blended(rgb, np.asarray(pasted, dtype=np.float64), face)


MADE: Mapping[str, Fault] = {"flicker": brighter, "landmark_jitter": shaken, "identity_drift": exchanged}


def blended(rgb: Rgb, other: NDArray[np.float64], face: Face) -> Rgb:
    """Return the picture with the other one inside a soft ellipse over the inner face."""
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    middle_x, middle_y = np.mean(face.landmarks, axis=0)
    reach = 1.15 * face.eye_distance
    inside = np.clip(1.6 - 1.6 * (np.hypot((x - middle_x) / reach, (y - middle_y) / (1.25 * reach)) ** 4), 0, 1)[
        ..., None
    ]
    mixed: Rgb = np.clip(np.round(rgb * (1 - inside) + other * inside), 0, 255).astype(np.uint8)
    return mixed


def bounds(watched: Sequence[Watched], name: str) -> tuple[float, float]:
    """Return the central 90 % of the real clips' stretches, every clip counting the same."""
    values, weights = [], []
    for clip in watched:
        if clip.label == "real" and not clip.fault:
            own = [v for m in clip.stretches if (v := MEASURES[name]((m,))) is not None]
            values += own
            weights += [1 / max(1, len(own))] * len(own)
    order = np.argsort(values)
    share = np.cumsum(np.array(weights)[order]) / sum(weights)
    low, high = (float(np.array(values)[order][np.searchsorted(share, q)]) for q in (0.05, 0.95))
    return low, high


def worth_of(watched: Sequence[Watched], name: str) -> dict[str, float]:
    real = dict(values(watched, name, lambda w: w.label == "real" and not w.fault))
    found = {
        "all fakes": lambda w: w.label == "fake",
        "wholly generated": lambda w: w.source in WHOLE_FRAME_SOURCES,
        "faces put into real film": lambda w: w.label == "fake" and w.source not in WHOLE_FRAME_SOURCES,
        "made": lambda w: w.fault == name,
    }
    worth = {}
    for group, chosen in found.items():
        fakes = dict(values(watched, name, chosen))
        if fakes:
            labels = np.array([1] * len(fakes) + [0] * len(real))
            worth[group] = round(float(auc(np.array([*fakes.values(), *real.values()]), labels)), 2)
    made = dict(values(watched, name, found["made"]))
    if made:
        worth["made above its original"] = round(float(np.mean([made[c] > real[c] for c in made if c in real])), 2)
    return worth


def values(watched: Sequence[Watched], name: str, chosen: Callable[[Watched], bool]) -> Iterator[tuple[str, float]]:
    for clip in watched:
        value = clip.value(name)
        if chosen(clip) and value is not None:
            yield clip.clip, value


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def toml(ranges: Mapping[str, tuple[float, float]]) -> str:
    lines = ["# Written by training/video/signals.py; do not edit."]
    for name, (low, high) in ranges.items():
        below, inside, above, what = WORDS[name]
        lines += [f"\n[{name}]", f"low = {low:.4g}", f"high = {high:.4g}"]
        lines += [f'below = "{below}"', f'inside = "{inside}"', f'above = "{above}"', f'what = "{what}"']
    return "\n".join(lines) + "\n"


def table(ranges: Mapping[str, tuple[float, float]], worth: Mapping[str, Mapping[str, float]]) -> str:
    columns = ["all fakes", "wholly generated", "faces put into real film", "made", "made above its original"]
    rows = [f"| signal | range | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    for name, (low, high) in ranges.items():
        cells = [f"{worth[name][c]:.2f}" if c in worth[name] else "" for c in columns]
        rows.append(f"| {name} | {low:.4g} to {high:.4g} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
