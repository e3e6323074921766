"""Make training crops: python -m training.face.views --view N [--part train]

Each line is a pair of serving crops with one history: a real face and a forgery, made of the same face where there is one. View N
draws everything anew; training reads whatever views there are. Writes FACE_EXTRA/views/<part>_<N>.npy, uint8 (n, 2, 224, 224, 3),
real first, and a .csv of what each pair is.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.media.face_crop import CANONICAL, CROP_SIDE_PX, aligned, similarity
from training.face import degrade, fakes
from training.face.data import Faces, SavedFace, face_extra, load_faces
from training.face.mesh import FaceMesh

MADE = {"self_blend": 0.5, "swap": 0.33, "reenact": 0.17}
JITTER = 0.02  # of landmarks, in distances of the eyes: what the detector errs by
LEAST_CHANGE = (
    1.5  # grey levels by which a forgery differs in the middle of the served crop; fainter ones only teach doubt
)
TRIES = 4
PARTNERS = 6  # of so many faces the one that looks the same way is pasted
MIDDLE = slice(CROP_SIDE_PX // 4, CROP_SIDE_PX - CROP_SIDE_PX // 8)
TIGHT = ("utkface", "utkface_more")  # cut so close that the crop repeats their edge: no counterpart of a whole photo

Rgb = NDArray[np.uint8]
Points = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--view", type=int, default=0)
    parser.add_argument("--part", default="train")
    args = parser.parse_args()
    faces = load_faces(args.part)
    meshes = load_meshes(faces, part=args.part)
    rng = np.random.default_rng([args.view, len(args.part)])
    jobs = plan(faces.rows, rng)
    folder = face_extra() / "views"
    folder.mkdir(exist_ok=True)
    name = f"{args.part}_{args.view}"
    shape = (len(jobs), 2, CROP_SIDE_PX, CROP_SIDE_PX, 3)
    pixels = np.lib.format.open_memmap(folder / f"{name}.partial.npy", mode="w+", dtype=np.uint8, shape=shape)
    for n, (kind, real, fake) in enumerate(jobs):
        pixels[n] = pair(kind, real, fake, faces.rows, meshes, rng)
        if n % 250 == 0:
            print(f"{name}: {n} of {len(jobs)}", flush=True)
    pixels.flush()
    with (folder / f"{name}.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(("kind", "source", "clip"))
        writer.writerows((kind, faces.rows[fake].source, faces.rows[real].clip) for kind, real, fake in jobs)
    (folder / f"{name}.partial.npy").rename(folder / f"{name}.npy")


def plan(rows: Sequence[SavedFace], rng: np.random.Generator) -> list[tuple[str, int, int]]:
    """Return (kind, real, fake) indices in random order; a made forgery's fake is the real face, or whose face is pasted."""
    reals = [n for n, row in enumerate(rows) if row.label == 0]
    clip_of = {n: rows[n].clip for n in reals}
    kinds, shares = list(MADE), list(MADE.values())
    jobs: list[tuple[str, int, int]] = []
    for n in reals:
        kind = str(rng.choice(kinds, p=shares))
        others = [o for o in rng.choice(reals, PARTNERS * 2) if clip_of[int(o)] != clip_of[n]][:PARTNERS]
        jobs.append((kind, n, _alike(rows, n, others) if kind == "swap" and others else n))
    halves: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for n, row in enumerate(rows):
        halves[row.pair][row.label] = n
    found = [(h[0], h[1]) for h in halves.values() if len(h) == 2]
    jobs += [("film_swap", real, fake) for real, fake in found]
    photos = [n for n in reals if rows[n].kind == "photo" and rows[n].source not in TIGHT]
    jobs += [("synthetic", int(rng.choice(photos)), n) for n, row in enumerate(rows) if row.kind == "synthetic"]
    return [jobs[n] for n in rng.permutation(len(jobs))]


def pair(
    kind: str, real: int, fake: int, rows: Sequence[SavedFace], meshes: Points, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return (2, 224, 224, 3): both after the same history; drawn anew while nothing of the forgery survived."""
    for _ in range(TRIES):
        drawn = _pair(kind, real, fake, rows, meshes, rng)
        middle = drawn[:, MIDDLE, MIDDLE].astype(np.int16)
        if np.abs(middle[0] - middle[1]).mean() >= LEAST_CHANGE:
            break
    return drawn


def _pair(
    kind: str, real: int, fake: int, rows: Sequence[SavedFace], meshes: Points, rng: np.random.Generator
) -> NDArray[np.uint8]:
    row, other = rows[real], rows[fake]
    original = row.pixels()
    if kind == "self_blend":
        original, forged = fakes.self_blend(original, meshes[real], rng)
    elif kind == "swap":
        forged = fakes.swap(original, meshes[real], other.pixels(), meshes[fake], rng)
    elif kind == "reenact":
        forged = fakes.reenact(original, meshes[real], rng)
    else:
        forged = other.pixels()
    history, offset = degrade.draw(rng), rng.normal(0, JITTER, (5, 2))
    of_forged = row if kind in MADE else other
    return np.stack([_served(original, row, history, offset), _served(forged, of_forged, history, offset)])


def _served(rgb: Rgb, row: SavedFace, history: degrade.History, offset: Points) -> Rgb:
    points = row.points()
    eyes_px = float(np.linalg.norm(points[1] - points[0]))
    lived, scale = degrade.live(rgb, history, eyes_px=eyes_px)
    return aligned(lived, (points + offset * eyes_px) * scale)


def _alike(rows: Sequence[SavedFace], n: int, others: Sequence[int]) -> int:
    """Return the face whose landmarks, brought upright, lie closest: it looks the same way."""
    mine = _upright(rows[n])
    return int(min(others, key=lambda o: float(np.abs(_upright(rows[int(o)]) - mine).sum())))


def _upright(row: SavedFace) -> Points:
    linear, shift = similarity(row.points(), CANONICAL)
    return np.asarray(row.points() @ linear.T + shift)


def load_meshes(faces: Faces, *, part: str) -> Points:
    """Return the mesh of every face of a part, (n, 468, 2) in pixels of its region; found once, then read."""
    path = face_extra() / f"meshes_{part}.npy"
    if not path.is_file():
        mesh = FaceMesh()
        np.save(path, np.stack([mesh.find(row.pixels(), row.points()) for row in faces.rows]))
    return np.asarray(np.load(path))


def view_files(part: str) -> list[Path]:
    """Return the finished views of a part."""
    listed = (face_extra() / "views").glob(f"{part}_*.npy")
    return sorted(path for path in listed if ".partial" not in path.name)


if __name__ == "__main__":
    main()
