"""The evaluation command: labels from a table or from folders, and figures that follow from the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.evaluate import Labelled, measure, read_labels


def answer(score: float | None, verdict: str) -> dict[str, Any]:
    return {"score": score, "verdict": verdict}


def test_labels_come_from_a_table_or_from_folder_names(tmp_path: Path) -> None:
    table, folders = tmp_path / "table", tmp_path / "folders"
    table.mkdir()
    (table / "manifest.csv").write_text("path,label,source,family\na.wav,fake,page,tts\nb.wav,real,page,\n")
    assert [(i.path.name, i.label, i.generator) for i in read_labels(table)] == [("a.wav", 1, "tts"), ("b.wav", 0, "")]
    for name in ("real/x.png", "Fake/sd/y.png", "notes/z.png"):
        (folders / name).parent.mkdir(parents=True, exist_ok=True)
        (folders / name).write_bytes(b"x")
    assert {(i.path.name, i.label, i.source) for i in read_labels(folders)} == {
        ("x.png", 0, "real"),
        ("y.png", 1, "Fake/sd"),
    }


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither"):
        read_labels(tmp_path)


def test_figures_follow_from_the_answers() -> None:
    items = [Labelled(Path(f"{n}"), int(n >= 4), "ab"[n % 2], "") for n in range(8)]
    scores = [0.1, 0.2, 0.3, 0.7, 0.6, 0.8, 0.9, 0.95]
    lines = {str(n): answer(s, "synthetic" if s > 0.75 else "inconclusive") for n, s in enumerate(scores)}
    found = measure(items, lines)
    assert found["auc"][0] == pytest.approx(15 / 16)
    assert found["verdicts"]["fake"] == {"inconclusive": 0.25, "synthetic": 0.75}
    assert found["by_source"]["real"]["a"]["files"] == 2


def test_failures_and_missing_scores_are_counted_and_left_out() -> None:
    items = [Labelled(Path(n), int(n > "b"), "s", "") for n in "abcd"]
    problem = {"score": None, "verdict": None, "problem": {"code": "media-corrupt"}}
    lines = {
        "a": answer(0.1, "authentic"),
        "b": problem,
        "c": answer(None, "inconclusive"),
        "d": answer(0.9, "synthetic"),
    }
    found = measure(items, lines)
    assert (found["failed"], found["without_score"], found["real"], found["fake"]) == ({"media-corrupt": 1}, 1, 1, 1)
