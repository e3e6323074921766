"""Find the faces of every source: python -m training.face.collect --clones DIR --part train|dev|test

Reads training/face/sources.csv (public repositories at a commit, and the data folder's own sources) and writes into FACE_EXTRA:
`faces_<part>.csv`, one line for each face, `crops_<part>.npy` with its serving crop, and for training and dev parts `regions/` with
its surroundings at native resolution, which the makers of fakes work on. Of a film evenly spread frames are read; of several faces
the largest is taken, because in a forged clip the others may be real. A part is a property of a source and never changes hands.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from forensics.detect.faces import FaceDetector
from forensics.domain.errors import DetectorError
from forensics.domain.tracks import Face
from forensics.media.face_crop import aligned
from forensics.media.image import decode_image
from forensics.settings import ModelSettings
from training.face.data import Faces, SavedFace, data_root, face_extra
from training.image.data import read_csv
from training.repositories import candidates

SOURCES_CSV = Path(__file__).with_name("sources.csv")
FILMS = (".mp4", ".mpg", ".avi", ".webm", ".mov", ".gif", ".webp")
STILLS = (".jpg", ".jpeg", ".png", ".webp")
LEAST_EYES_PX = 16.0  # distance of the eyes below which there is nothing to learn
MOST_EYES_PX = 80.0  # regions are reduced to this: the crop has 54
REGION_EYES = 6.0  # side of a region in distances of the eyes; the crop takes 4.15 of them
FILM_SECONDS, FILM_FPS = 3.0, 25.0  # of a film that does not say
MOST_FILM_FRAMES = 250  # a long clip's beginning is enough

Rgb = NDArray[np.uint8]


class Half(NamedTuple):
    """A picture that is one thing throughout: a frame, or one half of a side-by-side film."""

    rgb: Rgb
    label: int
    pair: str  # the same for the two halves of a frame


@dataclass(frozen=True)
class File:
    """One file of a source: its name and its bytes."""

    name: str
    data: bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--part", choices=("train", "dev", "test"), required=True)
    args = parser.parse_args()
    settings = ModelSettings.from_env()
    detector = FaceDetector.load(settings.models_dir, settings.encoders_dir)
    extra = face_extra()
    (extra / "regions").mkdir(parents=True, exist_ok=True)
    faces: list[SavedFace] = []
    crops: list[Rgb] = []
    for row in read_csv(SOURCES_CSV):
        if row["part"] != args.part:
            continue
        found = 0
        for file in files_of(row, clones=args.clones):
            for half in pictures(file, row):
                face = next(iter(detector.detect(half.rgb, most=1)), None)
                if face is None or eye_distance(face) < LEAST_EYES_PX:
                    continue
                saved, crop = cut(half, face, row, clip=file.name, number=len(faces), extra=extra)
                faces.append(saved)
                crops.append(crop)
                found += 1
        print(f"{row['part']:5} {row['source']:28} {row['label']:4} {found} faces", flush=True)
    write(Faces(tuple(faces), np.stack(crops)), extra, part=args.part)


def files_of(row: dict[str, str], *, clones: Path) -> Iterator[File]:
    """Yield up to `count` files of a source, in a fixed order."""
    if row["repository"].startswith("data:"):
        yield from _data_files(row)
        return
    listed = candidates(row, clones=clones, packages=clones, suffixes=tuple({*FILMS, *STILLS}))
    for number, (name, data) in enumerate(listed):
        if number == int(row["count"]):
            return
        yield File(name, data)


def _data_files(row: dict[str, str]) -> Iterator[File]:
    folder = data_root() / row["repository"].removeprefix("data:")
    listed = [r["path"] for r in read_csv(folder / "manifest.csv") if r["source"] == row["path"]]
    for name in sorted(listed)[: int(row["count"])]:
        yield File(name, (folder / name).read_bytes())


def pictures(file: File, row: dict[str, str]) -> Iterator[Half]:
    """Yield the pictures of a file with their labels; nothing for a file that cannot be read."""
    for number, rgb in enumerate(_frames(file, most=int(row["frames"]))):
        pair = f"{row['source']}:{file.name}:{number}"
        if row["layout"] == "real_left_fake_right":
            middle = rgb.shape[1] // 2
            yield Half(rgb[:, :middle], 0, pair)
            yield Half(rgb[:, middle:], 1, pair)
        else:
            yield Half(rgb, int(row["label"] == "fake"), pair)


def _frames(file: File, *, most: int) -> list[Rgb]:
    suffix = Path(file.name).suffix.lower()
    try:
        if suffix in (".gif", ".webp"):
            return _spread([np.asarray(f.convert("RGB")) for f in _sequence(file.data)], most)
        if suffix in FILMS:
            with av.open(io.BytesIO(file.data), "r") as container:
                step = max(1, min(_length(container.streams.video[0]), MOST_FILM_FRAMES) // most)
                shown = (
                    f for n, f in zip(range(MOST_FILM_FRAMES), container.decode(video=0), strict=False) if n % step == 0
                )
                return [np.asarray(f.to_ndarray(format="rgb24"), dtype=np.uint8) for f in shown][:most]
        return [decode_image(file.data).rgb]
    except (av.FFmpegError, OSError, DetectorError) as error:
        print(f"      {file.name}: {error}")
        return []


def _length(stream: VideoStream) -> int:
    """Return about how many frames a film has; some containers do not count them."""
    seconds = float((stream.duration or 0) * (stream.time_base or 0)) or FILM_SECONDS
    return stream.frames or round(seconds * float(stream.average_rate or FILM_FPS))


def _sequence(data: bytes) -> Iterator[Image.Image]:
    yield from ImageSequence.Iterator(Image.open(io.BytesIO(data)))


def _spread(frames: Sequence[Rgb], most: int) -> list[Rgb]:
    return [frames[n] for n in np.unique(np.linspace(0, len(frames) - 1, most).astype(int))]


def cut(half: Half, face: Face, row: dict[str, str], *, clip: str, number: int, extra: Path) -> tuple[SavedFace, Rgb]:
    """Return a face's line and its serving crop; its region is written where fakes are made of it."""
    landmarks = np.array(face.landmarks)
    distance = eye_distance(face)
    region, scale, corner = native_region(half.rgb, landmarks, distance)
    name = ""
    if row["part"] != "test":
        name = f"regions/{row['part']}_{number:05d}.png"
        Image.fromarray(region).save(extra / name, compress_level=1)
    moved = (landmarks - corner) * scale
    saved = SavedFace(
        part=row["part"],
        source=row["source"],
        clip=f"{row['source']}:{clip}",
        label=half.label,
        kind=row["kind"] if half.label or row["label"] == "real" else "video",
        pair=half.pair,
        region=name,
        eyes_px=round(distance, 1),
        landmarks=" ".join(f"{v:.2f}" for v in moved.ravel()),
    )
    return saved, aligned(half.rgb, landmarks)


def native_region(rgb: Rgb, landmarks: NDArray[np.float64], distance: float) -> tuple[Rgb, float, NDArray[np.float64]]:
    """Return the surroundings of a face, how much they were reduced (<= 1), and their corner in the picture."""
    side = round(REGION_EYES * distance)
    corner = np.round(landmarks.mean(axis=0) - side / 2).astype(int)
    rows = np.clip(np.arange(corner[1], corner[1] + side), 0, rgb.shape[0] - 1)
    columns = np.clip(np.arange(corner[0], corner[0] + side), 0, rgb.shape[1] - 1)
    region = rgb[rows[:, None], columns[None, :]]
    scale = min(1.0, MOST_EYES_PX / distance)
    if scale < 1:
        to = round(side * scale)
        region = np.asarray(Image.fromarray(region).resize((to, to), Image.Resampling.BICUBIC, reducing_gap=3.0))
    return region, scale, corner.astype(np.float64)


def eye_distance(face: Face) -> float:
    """Return the distance of the eyes in pixels."""
    return float(np.hypot(*np.subtract(face.landmarks[1], face.landmarks[0])))


def write(faces: Faces, extra: Path, *, part: str) -> None:
    """Write the lines and the serving crops of a part."""
    np.save(extra / f"crops_{part}.npy", faces.crops)
    with (extra / f"faces_{part}.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, fieldnames=[f.name for f in fields(SavedFace)])
        writer.writeheader()
        writer.writerows(asdict(face) for face in faces.rows)


if __name__ == "__main__":
    main()
