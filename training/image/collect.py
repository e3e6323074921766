"""Gather further public pictures beside the data folder: python -m training.image.collect --clones DIR --packages DIR

Reads the rows of training/sources.csv that carry a commit (a Git clone DIR/<owner>+<name>, or an unpacked Debian package
DIR/<name> for `debian:<name>`), takes a fixed sample of the files that match the row's path pattern, and writes them to
DATA_EXTRA with a manifest.csv of the same columns. Nothing gathered is ever committed.
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

from forensics.domain.errors import MediaError
from forensics.media.image import UnsupportedMediaType, decode_image
from forensics.media.tensors import working_copy
from training.image.copies import Gallery
from training.image.data import SOURCES_CSV, read_csv, repositories
from training.repositories import candidates

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
ORIGINALS_CSV = Path(__file__).with_name("originals.csv")  # which picture of a repository is an edit of which
SMALLEST_SIDE_PX = 96
SMALLEST_BYTES = 6_000
KEEP_BYTES_UNTIL_PX = 1024  # longer sides are stored as the lossless working copy, which is all that training sees
COLUMNS = (
    "path",
    "label",
    "source",
    "generator",
    "kind",
    "width",
    "height",
    "repo",
    "repo_path",
    "sha256",
    "pair_group",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True)
    args = parser.parse_args()
    out = Path(os.environ["DATA_EXTRA"])
    data = Path(os.environ.get("DATA_ROOT", "../shared/data")) / "image"
    known = read_csv(data / "manifest.csv")
    seen = {row["sha256"] for row in known}
    gallery = of_data_folder(data, known)
    originals = {(r["repository"], r["edited"]): r["original"] for r in read_csv(ORIGINALS_CSV)}
    rows: list[dict[str, str]] = []
    for source in read_csv(SOURCES_CSV):
        if source["commit"]:
            taken = list(take(source, clones=args.clones, packages=args.packages, out=out, seen=seen, gallery=gallery))
            print(f"{source['source']}: {len(taken)} of {source['count']} wanted", flush=True)
            rows += taken
    rows = paired(rows, originals)
    with (out / "manifest.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def paired(rows: list[dict[str, str]], originals: dict[tuple[str, str], str]) -> list[dict[str, str]]:
    """Return the rows with one group for an edited picture and its original, where both were gathered."""
    have = {(row["repo"], row["repo_path"]) for row in rows}
    known = {(repo, edited): original for (repo, edited), original in originals.items() if (repo, original) in have}
    shared = known | {(repo, original): original for (repo, _), original in known.items()}
    group = {place: f"{place[0]}:{original}" for place, original in shared.items()}
    return [row | {"pair_group": group.get((row["repo"], row["repo_path"]), "")} for row in rows]


def of_data_folder(data: Path, rows: list[dict[str, str]]) -> Gallery:
    """Return the real pictures that the data folder holds already."""
    gallery, repository = Gallery(), repositories()
    for row in rows:
        if row["label"] == "real":
            gallery.is_copy(decode_image((data / row["path"]).read_bytes()).rgb, repository[row["source"]])
    return gallery


def take(
    source: dict[str, str], *, clones: Path, packages: Path, out: Path, seen: set[str], gallery: Gallery
) -> Iterator[dict[str, str]]:
    """Yield the manifest rows of one source after writing its files; pictures already seen are left out."""
    left = int(source["count"])
    for name, data in candidates(source, clones=clones, packages=packages, suffixes=SUFFIXES):
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 in seen or len(data) < SMALLEST_BYTES:
            continue
        seen.add(sha256)
        row = store(source, name, data, sha256=sha256, out=out, gallery=gallery)
        if row:
            yield row
            left -= 1
        if left == 0:
            return


def store(
    source: dict[str, str], name: str, data: bytes, *, sha256: str, out: Path, gallery: Gallery
) -> dict[str, str] | None:
    """Write one picture and return its row; None when it is no picture, too small, or another repository's photograph."""
    try:
        rgb = decode_image(data).rgb
    except (MediaError, UnsupportedMediaType):
        return None
    height, width = rgb.shape[:2]
    if min(height, width) < SMALLEST_SIDE_PX:
        return None
    if source["label"] == "real" and gallery.is_copy(rgb, source["repository"]):
        return None
    suffix = Path(name).suffix.lower()
    if max(height, width) > KEEP_BYTES_UNTIL_PX:
        buffer = io.BytesIO()
        Image.fromarray(working_copy(rgb)).save(buffer, "PNG", compress_level=1)
        data, suffix = buffer.getvalue(), ".png"
    path = Path(source["label"]) / source["source"] / f"{sha256[:16]}{suffix}"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    (out / path).write_bytes(data)
    facts = {k: source[k] for k in ("label", "source", "generator", "kind")}
    return facts | {
        "path": str(path),
        "width": str(width),
        "height": str(height),
        "repo": source["repository"],
        "repo_path": name,
        "sha256": sha256,
        "pair_group": "",
    }


if __name__ == "__main__":
    main()
