"""Measure a fused model and write its card: python -m training.image.evaluate --semantic runs/first

Every number comes from out-of-fold scores, by two protocols: "unseen generator family" (the model never saw that kind of
generator) and "unseen source" (it may know the family from other people's pictures). Pairs never straddle.
Writes models/image/metrics.json, card.md, roc.svg and reliability.svg.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.face_forgery import FaceForgery
from forensics.detect.manifest import ModelManifest, load_manifest
from training.image.card import render
from training.image.data import SWAPS, Item, altered, balanced_weights, in_pairs, load_items, read_csv
from training.image.faces import VIEWS as FACE_VIEWS
from training.image.fuse import Fusion, OutOfFold, fit_fusion, read_oof, sigmoid
from training.image.with_faces import SEEN_FAMILY, FaceLogits, Rule, compared
from training.metrics import Interval, Metric, auc, balanced_accuracy_at, bootstrap, ece, eer, recall_at
from training.plots import reliability_svg, roc_svg

MODEL_DIR = Path("models/image")
PROTOCOL_NAMES = {"family": "unseen generator family", "repository": "unseen source"}
FAKE_COLUMNS = ("family unseen", "source unseen")


@dataclass(frozen=True)
class Row:
    """One line of a table: who, how many of each label, and named values."""

    name: str
    real: int
    fake: int
    values: dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", type=Path, required=True)
    parser.add_argument("--artefacts", type=Path)
    parser.add_argument("--faces", type=Path, help="what training.image.faces wrote")
    args = parser.parse_args()
    runs = [run for run in (args.semantic, args.artefacts) if run]
    items = load_items()
    oof = read_oof(runs, items)
    fusion = fit_fusion(oof.raw, items)
    manifest = load_manifest(MODEL_DIR)
    scores = sigmoid(fusion.logits(oof.raw))  # (items, columns)
    tables = all_tables(items, oof, scores, fusion, manifest)
    if args.faces:
        tables["faces"] = face_rows(items, oof, scores, Rule(manifest, FaceForgery.load(MODEL_DIR.parent)), args.faces)
    tables["made or altered"] = said_rows(items, oof, scores, args.semantic / "oof.csv", manifest)
    (MODEL_DIR / "metrics.json").write_text(
        json.dumps({k: [asdict(r) for r in rows] for k, rows in tables.items()}, indent=1) + "\n"
    )
    labels = np.array([i.label for i in items])
    clean = scores[:, oof.clean]
    (MODEL_DIR / "roc.svg").write_text(
        roc_svg([(column, labels) for column in clean.T], names=[PROTOCOL_NAMES[c] for c in clean_protocols(oof)])
    )
    pooled = (np.repeat(labels, clean.shape[1]), np.repeat(balanced_weights(items), clean.shape[1]))
    (MODEL_DIR / "reliability.svg").write_text(reliability_svg(clean.ravel(), *pooled))
    (MODEL_DIR / "card.md").write_text(render(manifest, tables, counts=Counter(i.label for i in items)))
    for name in ("overall", "kinds", "faces"):
        for row in tables.get(name, ()):
            print(row.name, row.real, row.fake, row.values, flush=True)


def all_tables(
    items: Sequence[Item], oof: OutOfFold, scores: NDArray[np.float64], fusion: Fusion, manifest: ModelManifest
) -> dict[str, list[Row]]:
    """Return every table of the card."""
    overall = [table_row(column_name(c), items, scores[:, n], manifest) for n, c in enumerate(oof.columns)]
    if len(manifest.stages) > 1:
        for n, (stage, platt) in enumerate(zip(manifest.stages, fusion.platts, strict=True)):
            alone = sigmoid(platt.logits(oof.raw[:, oof.clean[0], n]))
            overall.append(
                table_row(f"{stage.name} alone, {column_name(oof.columns[oof.clean[0]])}", items, alone, manifest)
            )
    by_kind = [
        table_row(f"{name}, {PROTOCOL_NAMES[protocol]}", [items[n] for n in index], scores[index, column], manifest)
        for name, index in kinds(items).items()
        for protocol, column in zip(clean_protocols(oof), oof.clean, strict=True)
    ]
    clean = scores[:, oof.clean]
    return {
        "overall": overall,
        "kinds": by_kind,
        "real sources": source_rows(items, clean, manifest, label=0),
        "fake sources": source_rows(items, clean, manifest, label=1),
    }


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


def face_rows(items: Sequence[Item], oof: OutOfFold, scores: NDArray[np.float64], rule: Rule, path: Path) -> list[Row]:
    """Return what faces add, for pictures of repositories that the face model never saw; `path` is of training.image.faces."""
    rows = []
    for number, column in enumerate(oof.columns):
        protocol, view = column.split("_view")
        if int(view) not in FACE_VIEWS:
            continue
        logits = FaceLogits.read(path, view=int(view))
        for name, index in face_groups(items, logits.judged(items), protocol).items():
            own, given = [items[n] for n in index], scores[index, number]
            before, after = rule.say(own, given, None), rule.say(own, given, logits)
            labels = [item.label for item in own]
            values = compared(own, before, after)
            rows.append(Row(f"{name}, {column_name(column)}", labels.count(0), labels.count(1), values))
    return rows


def face_groups(items: Sequence[Item], judged: NDArray[np.int64], protocol: str) -> dict[str, NDArray[np.int64]]:
    """Return the pictures of each row: an unseen family is one that the face model never saw either."""
    if protocol == "family":
        judged = np.array([n for n in judged if items[n].family != SEEN_FAMILY])
    tests = {
        "all": [True for _ in judged],
        "faces": [items[n].kind == "face" for n in judged],
        "faces, swaps alone": [items[n].kind == "face" and (not items[n].label or _is_swap(items[n])) for n in judged],
        "not faces": [items[n].kind != "face" for n in judged],
    }
    return {name: judged[np.array(test)] for name, test in tests.items()}


def _is_swap(item: Item) -> bool:
    return item.family in SWAPS


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


if __name__ == "__main__":
    main()
