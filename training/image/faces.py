"""Look at the faces of every picture as serving does: python -m training.image.faces --out runs/faces.csv

One line for each picture and view (0 the neutral re-encoding, 1 a random history) with the face model's highest logit, empty when
there is no face to judge. Pictures of repositories that the face model was trained on, or had its thresholds set by, are left out.
Goes on from what OUT holds. `training.image.evaluate --faces` joins the lines with the image model's out-of-fold scores.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from forensics.settings import ModelSettings
from forensics.usecases.look_at_faces import LookAtFaces
from forensics.wiring.faces import face_look
from training.image.data import Item, load_items, read_csv, repositories
from training.image.features import view_of

FACE_SOURCES = Path(__file__).parents[1] / "face" / "sources.csv"
VIEWS = (0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    known = {(row["source"], row["file"]) for row in read_csv(out)} if out.is_file() else set()
    items = [item for item in unseen(load_items()) if (item.source, item.path.stem) not in known]
    look = face_look(ModelSettings.from_env())
    with out.open("a", newline="") as handle:
        writer = csv.writer(handle)
        if not known:
            writer.writerow(["source", "file", *(f"view{view}" for view in VIEWS)])
        for number, item in enumerate(items, start=1):
            writer.writerow([item.source, item.path.stem, *(highest(look, item, view) for view in VIEWS)])
            if number % 250 == 0 or number == len(items):
                handle.flush()
                print(f"{number} of {len(items)} pictures", flush=True)


def highest(look: LookAtFaces, item: Item, view: int) -> str:
    """Return the logit of a picture's most suspicious face, empty without one."""
    logits = [face.logit for face in look(view_of(item, view=view)).faces if face.logit is not None]
    return f"{max(logits):.4f}" if logits else ""


def unseen(items: Sequence[Item]) -> list[Item]:
    """Return the pictures of repositories that had no part in the face model."""
    used = {row["repository"] for row in read_csv(FACE_SOURCES) if row["part"] != "test"}
    own = {row["source"].removeprefix("image:") for row in read_csv(FACE_SOURCES) if row["part"] != "test"}
    repository = repositories()
    return [item for item in items if repository[item.source] not in used and item.source not in own]


if __name__ == "__main__":
    main()
