"""Rows of the image model's card: by view, by kind, by source, by what was said; numbers with intervals as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.manifest import ModelManifest
from training.image.data import Item, read_csv
from training.image.edits import SWAPS, altered, in_pairs
from training.image.fuse import OutOfFold
from training.metrics import Interval, Metric, auc, balanced_accuracy_at, bootstrap, ece, eer, recall_at

PROTOCOL_NAMES = {"family": "unseen generator family", "repository": "unseen source"}
FAKE_COLUMNS = ("family unseen", "source unseen")


@dataclass(frozen=True)
class Row:
    """One line of a table: who, how many of each label, and named values."""

    name: str
    real: int
    fake: int
    values: dict[str, str]


def clean_protocols(oof: OutOfFold) -> list[str]:
    """Return the protocol of each clean column."""
    return [oof.columns[n].removesuffix("_view0") for n in oof.clean]


def column_name(column: str) -> str:
    """Return a column's name for people."""
    protocol, view = column.split("_view")
    return f"{PROTOCOL_NAMES[protocol]}, {'clean' if view == '0' else f'random history {view}'}"


def table_row(name: str, items: Sequence[Item], scores: NDArray[np.float64], manifest: ModelManifest) -> Row:
    """Return AUC, EER, accuracy, recalls and calibration with intervals."""
    labels = np.array([i.label for i in items])
    sources = np.array([i.source for i in items])
    normal = manifest.normal.thresholds
    metrics: dict[str, Metric] = {
        "AUC": auc,
        "EER": eer,
        "balanced accuracy": balanced_accuracy_at(normal.synthetic),
        "recall at 1 % FPR": recall_at(0.01),
        "recall at 5 % FPR": recall_at(0.05),
        "ECE": ece,
    }
    values: dict[str, Interval] = {key: bootstrap(metric, scores, labels, sources) for key, metric in metrics.items()}
    texts = {key: str(value) for key, value in values.items()}
    decided = {
        "decided fake": f"{np.mean(scores[labels == 1] >= normal.synthetic):.2f}",
        "false alarms": f"{np.mean(scores[labels == 0] >= normal.synthetic):.3f}",
        "inconclusive": f"{np.mean((scores < normal.synthetic) & (scores > normal.authentic)):.2f}",
    }
    return Row(name, int((labels == 0).sum()), int((labels == 1).sum()), texts | decided)


def kinds(items: Sequence[Item]) -> dict[str, NDArray[np.int64]]:
    """Return the index of faces, scenes, art and other, with and without edits, of swaps, edits, and pairs of one content."""
    paired, edited = in_pairs(items), altered(items)
    kind_of = [i.kind if i.kind in ("face", "scene") else "" for i in items]
    tests = {
        "faces": [k == "face" for k in kind_of],
        "faces, wholly generated": [k == "face" and not e for k, e in zip(kind_of, edited, strict=True)],
        "faces, swaps": [i.kind == "face" and (i.label == 0 or i.family in SWAPS) for i in items],
        "scenes": [k == "scene" for k in kind_of],
        "scenes, wholly generated": [k == "scene" and not e for k, e in zip(kind_of, edited, strict=True)],
        "art, documents, other": [not k for k in kind_of],
        "whole-image generation (edits left out)": [not e for e in edited],
        "edits of real pictures against all real": [i.label == 0 or e for i, e in zip(items, edited, strict=True)],
        "pairs of one content": paired,
    }
    return {name: np.flatnonzero(test) for name, test in tests.items()}


def source_rows(items: Sequence[Item], clean: NDArray[np.float64], manifest: ModelManifest, *, label: int) -> list[Row]:
    """Return one row per source: shares decided, and for fakes the AUC against all real; `clean` is (items, protocols)."""
    bounds = manifest.normal.thresholds
    labels, sources = np.array([i.label for i in items]), np.array([i.source for i in items])
    rows = []
    for source in sorted({i.source for i in items if i.label == label}):
        own = clean[(sources == source) & (labels == label)]  # (n, protocols)
        shares = {
            "decided fake": np.mean(own >= bounds.synthetic),
            "decided authentic": np.mean(own <= bounds.authentic),
        }
        values = {name: f"{share:.2f}" for name, share in shares.items()}

        if label == 1:
            values = {
                f"AUC, {n}": _against_real(own[:, p], clean[labels == 0, p]) for p, n in enumerate(FAKE_COLUMNS)
            } | values
        rows.append(Row(source, len(own) * (label == 0), len(own) * (label == 1), values))
    return sorted(rows, key=lambda r: (-float(r.values["decided fake"]) if label == 0 else 0.0, r.name))


def _against_real(own: NDArray[np.float64], real: NDArray[np.float64]) -> str:
    truth = np.concatenate([np.ones(len(own), dtype=np.int64), np.zeros(len(real), dtype=np.int64)])
    return f"{auc(np.concatenate([own, real]), truth):.3f}"


def said_rows(
    items: Sequence[Item], oof: OutOfFold, scores: NDArray[np.float64], path: Path, manifest: ModelManifest
) -> list[Row]:
    """Return which of the fakes that are decided fake are said to be altered, by what they are; `path` is oof.csv."""
    saved = {(row["source"], row["file"]): row for row in read_csv(path)}
    fake = np.array([item.label == 1 for item in items])
    swap = np.array([item.family in SWAPS for item in items])
    edits = altered(items)
    rows = []
    for protocol, column in zip(clean_protocols(oof), oof.clean, strict=True):
        louder = np.array([float(saved[item.source, item.path.stem][f"{protocol}_altered"]) > 0.5 for item in items])
        decided = scores[:, column] >= manifest.normal.thresholds.synthetic
        for name, group in {"wholly generated": fake & ~edits, "edits": edits, "of them swaps": swap}.items():
            found = decided & group
            values = {"decided fake": f"{found.sum()}", "said to be manipulated": f"{louder[found].mean():.3f}"}
            rows.append(Row(f"{name}, {PROTOCOL_NAMES[protocol]}", 0, int(group.sum()), values))
    return rows
