"""Measure the product on a labelled folder: python -m training.evaluate DATA [--results OUT.jsonl] [--strict]

DATA holds manifest.csv (path, label real|fake, and if known source, generator or family), or files below folders named real and
fake. Every file goes through `deepfake-detect` as anybody would run it; a run resumes from OUT. Prints one JSON: counts, AUC, EER,
recall at 1 % and 5 % false alarms, verdicts at the shipped thresholds by source, calibration error; 95 % intervals over redrawn
sources.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.cli.main import main as detect
from training.metrics import Metric, auc, bootstrap, ece, eer, recall_at

REAL_FOLDERS, FAKE_FOLDERS = (
    frozenset({"real", "bonafide", "genuine", "authentic"}),
    frozenset({"fake", "spoof", "synthetic"}),
)
DIGITS = 4


@dataclass(frozen=True)
class Labelled:
    """One file: 1 is fake; `source` is what resampling redraws as one, `generator` empty when unknown."""

    path: Path
    label: int
    source: str
    generator: str


def read_labels(folder: Path) -> list[Labelled]:
    """Return the labelled files of a folder; raises ValueError when it says nothing about labels."""
    manifest = folder / "manifest.csv"
    if manifest.is_file():
        with manifest.open(newline="") as handle:
            items = [_row(folder, row) for row in csv.DictReader(handle)]
    else:
        items = [item for path in sorted(folder.rglob("*")) if path.is_file() and (item := _by_folder(folder, path))]
    if not items:
        raise ValueError("the folder has neither manifest.csv nor files below folders named real and fake")
    return items


class DetectorFailed(Exception):
    """The command line ended with more than files it could not judge; `status` is its exit code."""

    def __init__(self, status: int) -> None:
        super().__init__(f"deepfake-detect ended with status {status}")
        self.status = status


def answers(items: Sequence[Labelled], results: Path, *, strict: bool = False) -> dict[str, dict[str, Any]]:
    """Judge every file that `results` has no line of; returns path -> answer. Raises DetectorFailed."""
    status = detect([*(str(i.path) for i in items), "--resume", str(results), *(["--strict"] if strict else [])])
    if status > 1:
        raise DetectorFailed(status)
    return {line["input"]: line for line in map(json.loads, results.read_text(encoding="utf-8").splitlines())}


def measure(items: Sequence[Labelled], lines: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the figures for files that have a line; files with a problem are counted, files without a score too."""
    answered = [(i, lines[str(i.path)]) for i in items if str(i.path) in lines]
    failed = Counter(line["problem"]["code"] for _, line in answered if line["verdict"] is None)
    judged = [(i, line) for i, line in answered if line["verdict"] is not None]
    scored = [(i, line) for i, line in judged if line["score"] is not None]
    labels = np.array([i.label for i, _ in scored], dtype=np.int64)
    scores = np.array([line["score"] for _, line in scored], dtype=np.float64)
    sources = np.array([i.source for i, _ in scored])
    metrics: dict[str, Metric] = {"auc": auc, "eer": eer, "ece": ece}
    metrics |= {"recall_at_1_percent": recall_at(0.01), "recall_at_5_percent": recall_at(0.05)}
    return {
        "files": len(items),
        "answered": len(answered),
        "failed": dict(failed),
        "without_score": len(judged) - len(scored),
        "real": int((labels == 0).sum()),
        "fake": int((labels == 1).sum()),
        **{name: _interval(metric, scores, labels, sources) for name, metric in metrics.items()},
        "verdicts": {name: _verdicts(judged, label) for label, name in enumerate(("real", "fake"))},
        "by_source": {name: _by_source(judged, label) for label, name in enumerate(("real", "fake"))},
    }


def _row(folder: Path, row: dict[str, str]) -> Labelled:
    generator = row.get("generator") or row.get("family") or ""
    return Labelled(folder / row["path"], int(row["label"] == "fake"), row.get("source") or row["label"], generator)


def _by_folder(folder: Path, path: Path) -> Labelled | None:
    parts = path.relative_to(folder).parts[:-1]
    labels = [0 if p.lower() in REAL_FOLDERS else 1 for p in parts if p.lower() in REAL_FOLDERS | FAKE_FOLDERS]
    return Labelled(path, labels[0], "/".join(parts), "") if labels else None


def _interval(
    metric: Metric, scores: NDArray[np.float64], labels: NDArray[np.int64], sources: NDArray[np.str_]
) -> list[float] | None:
    found = bootstrap(metric, scores, labels, sources)
    values = [round(v, DIGITS) for v in (found.value, found.low, found.high)]
    return None if np.isnan(found.value) else values


def _verdicts(judged: Sequence[tuple[Labelled, dict[str, Any]]], label: int) -> dict[str, float]:
    counts = Counter(str(line["verdict"]) for item, line in judged if item.label == label)
    return {name: round(count / counts.total(), DIGITS) for name, count in sorted(counts.items())}


def _by_source(judged: Sequence[tuple[Labelled, dict[str, Any]]], label: int) -> dict[str, dict[str, Any]]:
    names = sorted({item.source for item, _ in judged if item.label == label})
    groups = {n: [(i, line) for i, line in judged if i.source == n and i.label == label] for n in names}
    return {name: {"files": len(group), **_verdicts(group, label)} for name, group in groups.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--results", type=Path, help="where the answers are kept (default: DATA/../<name>.results.jsonl)"
    )
    parser.add_argument("--strict", action="store_true")
    args = parser.parse_args()
    try:
        items = read_labels(args.data)
    except ValueError as error:
        parser.error(str(error))
    results = args.results or args.data.resolve().with_suffix(".results.jsonl")
    try:
        lines = answers(items, results, strict=args.strict)
    except DetectorFailed as failure:
        return failure.status
    json.dump(measure(items, lines), sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
