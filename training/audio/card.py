"""Measure the exported model and write models/audio/card.md: python -m training.audio.card

Scores every test window with the ONNX file that is served, calibrated as served. Intervals are 95 % bootstrap intervals over
redrawn sources (a system on its page, or the recordings of a page). Needs the test views of training.audio.views.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.audio_manifest import AudioManifest, load_audio_manifest
from training.audio.calibrate import balanced
from training.audio.data import Clip, load_clips
from training.audio.evaluate import matched, unseen
from training.audio.named import named
from training.audio.scoring import has_view, score
from training.metrics import auc, bootstrap, ece, eer, recall_at
from training.plots import reliability_svg, roc_svg

MODEL_DIR = Path("models/audio")
VIEWS = ("clean", "telephone", "mp3_32k", "noisy")
FAMILIES = ("tts", "vc", "vocoder", "codec")
Floats = NDArray[np.float64]
HEAD = (
    "| group | condition | fakes | recordings | AUC | EER | recall at 1 % | recall at 5 % | ECE |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)
INTRO = """\
# Audio model {version}

<!-- Written by training/audio/card.py; do not edit. -->

Scores speech with P(fake): made or altered by a generator, against recorded. Calibrated for a prior of one half with every source
counting by the root of its size. {weakness}

**Intended use**: triage by people who can look further, beside what the file says of itself. **Not for**: proof, identification,
moderation without review, music, singing.

A small network, averaged over a few beginnings, on figures of a window of 4 s: of its spectrum, of the spectrum's grain, of long
frames, and of what the convolutions of Whisper base (OpenAI, MIT) say.
Data, splits and what was tried: docs/models/audio.md and training/audio/sources.csv. Pages, corpora and systems of the test part
were never trained on.

## Operating points

| mode | synthetic from | authentic up to | false alarms | recall |
|---|---|---|---|---|
{modes}
Chosen on the dev pages, measured on the test pages; rates are weighted by source.

## Measured

"Unseen systems, matched pages" are fakes of systems that appear nowhere in training, against the recordings of the same pages.

"""
BAR_AUC = 0.85
SHORT_OF_BAR = (
    "**It misses the bar** (AUC 0.85 on unseen systems of matched pages, clean): it is a help to people, not a judge."
)
CHARTS = "\n![ROC](roc.svg) ![Reliability](reliability.svg)\n"
COPIES = """
## Neural and classic methods apart

The same held-out recordings, resynthesised, against themselves (`training.audio.held_out_copies`): methods that training met, on
voices and rooms that it did not.

| method | kind | copies | AUC | copy above its own recording | model |
|---|---|---|---|---|---|
{rows}"""
DECIDED = "\n## Decided at the normal thresholds\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    manifest = load_audio_manifest(MODEL_DIR)
    clips = {str(c.path): c for c in load_clips()}
    trained = {c.system for c in clips.values() if c.part == "train"}
    lines, decided, curves = [], "", dict[str, tuple[Floats, NDArray[np.int64]]]()
    for view in VIEWS:
        if not has_view("test", view):
            continue
        found, raw = score(manifest.network, "test", view, clips, threads=threads)
        scores = 1 / (1 + np.exp(-(manifest.slope * raw + manifest.intercept)))
        lines += rows(view, found, scores, trained)
        decided += decisions(view, found, scores, manifest)
        keep = matched(found) & unseen(found, trained)
        labels = np.array([c.label for c in found])
        curves[view] = scores[keep], labels[keep]
        if view == "clean":
            chart = reliability_svg(scores, labels, balanced(found), measured_on="all held-out clips")
            (MODEL_DIR / "reliability.svg").write_text(chart)
    (MODEL_DIR / "roc.svg").write_text(roc_svg([*curves.values()], names=[*curves], measured_on="unseen systems"))
    text = intro(manifest, weak=auc(*curves["clean"]) < BAR_AUC) + HEAD + "".join(lines) + CHARTS + DECIDED + decided
    (MODEL_DIR / "card.md").write_text(text + copies() + named(manifest, clips, threads=threads))
    print(text)


def copies() -> str:
    """Return the table of methods, empty when training.audio.held_out_copies was not run."""
    path = MODEL_DIR / "copies.json"
    found = json.loads(path.read_text()) if path.is_file() else []
    rows = "".join(
        f"| {r['method']} | {r['kind']} | {r['copies']} | {r['auc']} | {r['pairs_right']:.0%} | {r['model']} |\n"
        for r in found
    )
    return COPIES.format(rows=rows) if rows else ""


def intro(manifest: AudioManifest, *, weak: bool) -> str:
    """Return what the model is, for whom and not for whom, and where it decides."""
    modes = [("normal", manifest.normal), ("strict", manifest.strict)]
    table = "".join(
        f"| {name} | {m.thresholds.synthetic:.3f} | {m.thresholds.authentic:.3f} "
        f"| {m.operating_point.fpr:.3f} | {m.operating_point.recall:.3f} |\n"
        for name, m in modes
    )
    return INTRO.format(version=manifest.version, modes=table, weakness=SHORT_OF_BAR if weak else "")


def rows(view: str, clips: Sequence[Clip], scores: Floats, trained: set[str]) -> list[str]:
    """Return the table lines of one condition."""
    labels = np.array([c.label for c in clips])
    families = np.array([c.family for c in clips])
    base = matched(clips) & unseen(clips, trained)
    groups = {"unseen systems, matched pages": base}
    groups |= {f"… {f}": base & ((labels == 0) | (families == f)) for f in FAMILIES}
    groups |= {"all held-out clips": np.ones(len(clips), dtype=bool)}
    return [line(name, view, keep, clips, scores, labels) for name, keep in groups.items()]


def line(
    name: str, view: str, keep: NDArray[np.bool_], clips: Sequence[Clip], scores: Floats, labels: NDArray[np.int64]
) -> str:
    """Return one table line."""
    sources = np.array([c.source for c in clips])[keep]
    some, truth = scores[keep], labels[keep]
    values = [bootstrap(m, some, truth, sources) for m in (auc, eer, recall_at(0.01), recall_at(0.05), ece)]
    counts = f"{int(truth.sum())} | {int((1 - truth).sum())}"
    return f"| {name} | {view} | {counts} | {' | '.join(str(v) for v in values)} |\n"


def decisions(view: str, clips: Sequence[Clip], scores: Floats, manifest: AudioManifest) -> str:
    """Return what the normal thresholds decide: recordings called fake, fakes found, fakes called authentic, left open."""
    labels = np.array([c.label for c in clips])
    pages = np.array([c.page for c in clips])
    bounds = manifest.normal.thresholds
    called, cleared = scores >= bounds.synthetic, scores <= bounds.authentic
    fake, real = labels == 1, labels == 0
    worst, page = max((float(np.mean(called[real & (pages == p)])), str(p)) for p in np.unique(pages[real]))
    return (
        f"- {view}: {np.mean(called[real]):.1%} of recordings decided fake (worst source {page} {worst:.0%}), "
        f"{np.mean(called[fake]):.1%} of fakes found, {np.mean(cleared[fake]):.1%} of fakes called authentic, "
        f"{np.mean(~called & ~cleared):.1%} of all left open\n"
    )


if __name__ == "__main__":
    main()
