"""Frames of films beside the stills: python -m training.image.film_frames --clones DIR

Reads training/image/films.csv (clips of public repositories at a commit), takes a few evenly spread frames of every clip, of a
side-by-side film both halves, and writes them to DATA_EXTRA with manifest_films.csv. A frame is kept as a viewer would send it
on: one JPEG. A clip that films are judged on (the data folder's) is left out.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from training.face.collect import FILMS, File, Half, pictures
from training.image.collect import COLUMNS
from training.image.data import FILMS_CSV, REAL_HALF, read_csv
from training.repositories import candidates

QUALITY = 95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    clones = parser.parse_args().clones
    out = Path(os.environ["DATA_EXTRA"])
    judged = {row["sha256"] for row in read_csv(data_folder() / "video" / "manifest.csv")}
    rows: list[dict[str, str]] = []
    for source in read_csv(FILMS_CSV):
        taken = list(take(source, clones=clones, out=out, judged=judged))
        print(f"{source['source']}: {len(taken)} frames", flush=True)
        rows += taken
    with (out / "manifest_films.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def take(source: dict[str, str], *, clones: Path, out: Path, judged: set[str]) -> Iterator[dict[str, str]]:
    """Yield the manifest rows of one source after writing its frames; a clip that films are judged on is left out."""
    listed = candidates(source, clones=clones, packages=clones, suffixes=FILMS)
    for number, (name, data) in enumerate(listed):
        if number == int(source["count"]):
            return
        if hashlib.sha256(data).hexdigest() in judged:
            print(f"{source['source']}: {name} is judged on, left out", flush=True)
            continue
        for half in pictures(File(name, data), source):
            yield store(source, name, half, out=out)


def store(source: dict[str, str], name: str, half: Half, *, out: Path) -> dict[str, str]:
    """Write one frame and return its row; the halves of a side-by-side frame share a pair group."""
    buffer = io.BytesIO()
    Image.fromarray(half.rgb).save(buffer, "JPEG", quality=QUALITY)
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    label = "fake" if half.label else "real"
    both = source["label"] == "both"
    own = source["source"] + (REAL_HALF if both and not half.label else "")
    path = Path(label) / own / f"{sha256[:16]}.jpg"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    (out / path).write_bytes(buffer.getvalue())
    return {
        "path": str(path),
        "label": label,
        "source": own,
        "generator": source["generator"] if half.label else "",
        "kind": source["kind"],
        "width": str(half.rgb.shape[1]),
        "height": str(half.rgb.shape[0]),
        "repo": source["repository"],
        "repo_path": name,
        "sha256": sha256,
        "pair_group": half.pair if both else "",
    }


def data_folder() -> Path:
    return Path(os.environ.get("DATA_ROOT", "../shared/data"))


if __name__ == "__main__":
    main()
