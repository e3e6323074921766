"""Photographs taken at night: gathered once, as found, and summed up."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from training.evaluate import Labelled
from training.image.copies import Gallery
from training.image.data import SOURCES_CSV, read_csv
from training.image.night import NIGHT_CSV, figures, gather


def photograph(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (128, 160, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def repository(folder: Path, files: dict[str, bytes]) -> str:
    """Commit the files to a new Git repository and return the commit."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "pictures")):
        subprocess.run([*git, *command], check=True, capture_output=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def test_pictures_are_written_as_found_and_copies_and_junk_left_out(tmp_path: Path) -> None:
    known, new = photograph(1), photograph(2)
    commit = repository(
        tmp_path / "clones" / "a+night", {"known.jpg": known, "new.jpg": new, "broken.jpg": b"x" * 7000}
    )
    gallery = Gallery()
    gallery.is_copy(np.asarray(Image.open(io.BytesIO(known))), "b/training")
    row = {"source": "night_a", "repository": "a/night", "commit": commit, "path": "*", "count": "5"}
    found = list(gather([row, row], clones=tmp_path / "clones", out=tmp_path / "out", gallery=gallery))
    assert [item.path.read_bytes() for item in found] == [new]
    assert (found[0].label, found[0].source) == (0, "night_a")


def test_figures_count_both_accusations_and_redraw_sources() -> None:
    items = [Labelled(Path(str(n)), 0, "ab"[n // 4], "") for n in range(8)]
    verdicts = ["authentic"] * 4 + ["synthetic", "manipulated", "inconclusive", "authentic"]
    facts = figures(items, {str(n): {"score": 0.5, "verdict": verdict} for n, verdict in enumerate(verdicts)})
    assert facts["decided fake"] == "0.250 (0.000-0.500)"
    assert (facts["pictures"], facts["repositories"]) == (8, 2)
    assert facts["by source"]["b"] == {
        "files": 4,
        "authentic": 0.25,
        "inconclusive": 0.25,
        "manipulated": 0.25,
        "synthetic": 0.25,
    }


def test_no_repository_of_the_night_teaches() -> None:
    taught = {row["repository"] for row in read_csv(SOURCES_CSV)}
    rows = read_csv(NIGHT_CSV)
    assert not taught & {row["repository"] for row in rows}
    assert sum(int(row["count"]) for row in rows) >= 100
