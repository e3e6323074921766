"""Photographs taken at night, which no model learned from: python -m training.image.night --clones DIR --out DIR

Gathers the rows of training/image/night.csv (a Git copy DIR/<owner>+<name> of each repository), as they were found but for
those that the image data hold too, and judges each with the product (metadata, whole picture, faces). Writes night.json,
which the card shows. They are a test and nothing else: not in training/sources.csv, in no fold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forensics.domain.errors import MediaError
from forensics.media.image import UnsupportedMediaType, decode_image
from training.evaluate import Labelled, answers, measure
from training.image.collect import SMALLEST_BYTES, SUFFIXES
from training.image.copies import Gallery
from training.image.data import Item, load_items, read_csv, repositories
from training.metrics import share
from training.repositories import candidates

NIGHT_CSV = Path(__file__).with_name("night.csv")
NIGHT_JSON = Path("models/image/night.json")
FAKE = ("synthetic", "manipulated")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    gallery = seen_in_training(load_items(taught_only=True))
    items = list(gather(read_csv(NIGHT_CSV), clones=args.clones, out=args.out, gallery=gallery))
    facts = figures(items, answers(items, args.out / "results.jsonl"))
    NIGHT_JSON.write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts, indent=1), flush=True)


def seen_in_training(items: Sequence[Item]) -> Gallery:
    """Return the real pictures that the model may have learned from."""
    gallery, repository = Gallery(), repositories()
    for number, item in enumerate(items, start=1):
        if not item.label:
            gallery.is_copy(item.pixels(), repository[item.source])
        if number % 2000 == 0 or number == len(items):
            print(f"compared with {number}/{len(items)} pictures of the training data", flush=True)
    return gallery


def gather(rows: Sequence[dict[str, str]], *, clones: Path, out: Path, gallery: Gallery) -> Iterator[Labelled]:
    """Write the pictures of all rows below `out`, each once and as it was found, and yield them."""
    written: set[Path] = set()
    for row in rows:
        left = int(row["count"])
        for name, data in candidates(row, clones=clones, packages=Path(), suffixes=SUFFIXES):
            path = out / row["source"] / f"{hashlib.sha256(data).hexdigest()[:16]}{Path(name).suffix.lower()}"
            if path in written or not is_new(data, row["repository"], gallery):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            written.add(path)
            yield Labelled(path, label=0, source=row["source"], generator="")
            left -= 1
            if left == 0:
                break


def is_new(data: bytes, repository: str, gallery: Gallery) -> bool:
    """Whether these bytes are a picture of some size that no other repository had."""
    if len(data) < SMALLEST_BYTES:
        return False
    try:
        return not gallery.is_copy(decode_image(data).rgb, repository)
    except (MediaError, UnsupportedMediaType):
        return False


def figures(items: Sequence[Labelled], lines: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return verdicts as shares, the share decided fake with its interval over redrawn repositories, and by source."""
    found = measure(items, lines)
    judged = [item for item in items if lines.get(str(item.path), {}).get("verdict") is not None]
    fake = np.array([lines[str(item.path)]["verdict"] in FAKE for item in judged], dtype=np.bool_)
    sources = np.array([item.source for item in judged])
    return {
        "pictures": len(judged),
        "repositories": len(set(sources)),
        "failed": found["failed"],
        "decided fake": str(share(fake, sources)),
        "verdicts": found["verdicts"]["real"],
        "by source": found["by_source"]["real"],
    }


if __name__ == "__main__":
    main()
