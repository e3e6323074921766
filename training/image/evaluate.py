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
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.face_forgery import FaceForgery
from forensics.detect.manifest import ModelManifest, load_manifest
from training.image.card import render
from training.image.data import Item, balanced_weights, load_items
from training.image.edits import SWAPS
from training.image.faces import VIEWS as FACE_VIEWS
from training.image.fuse import Fusion, OutOfFold, fit_fusion, read_oof, sigmoid
from training.image.tables import (
    PROTOCOL_NAMES,
    Row,
    clean_protocols,
    column_name,
    kinds,
    said_rows,
    source_rows,
    table_row,
)
from training.image.with_faces import SEEN_FAMILY, FaceLogits, Rule, compared
from training.plots import reliability_svg, roc_svg

MODEL_DIR = Path("models/image")


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


if __name__ == "__main__":
    main()
