"""The model card as Markdown, from tables of measured rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from forensics.detect.manifest import ModelManifest
from forensics.domain.scores import OperatingMode
from training.image.tables import Row

MODEL_DIR = Path("models/image")
INTRO = """\
Scores a still picture with P(fake): made or altered by a generator, against photographed, drawn by people or rendered.
The score is calibrated for a prior of one half with every source counting by the root of its size. It is one of several
kinds of evidence: what the file says of itself (C2PA, metadata, watermarks) goes before it.

**Intended use**: triage by people who can look further. **Not for**: proof, identification, moderation without review.
"""
SPLITS = """\
All numbers are out of fold, by two protocols that share the real pictures' rule: a repository or package is held out whole.
"Unseen generator family" holds out whole families of fakes too (all StyleGANs, all of Stable Diffusion 1 and 2 ...): the
model never saw that kind of generator. "Unseen source" holds out whole repositories: the model may know the family from
other people's pictures. A pair of one content (original and edit) never straddles.
Every picture is decoded, reduced to at most 768 pixels and saved once as JPEG q92 before it is scored,
whatever its label ("clean"); a "random history" adds crop, rescale, blur, noise and one or two lossy encodings. The shipped
weights are refitted on all pictures with the same settings; they are never measured. Intervals are 95 % bootstraps that
redraw whole sources. Sources and licences: training/sources.csv.
"""

ALTERED = """\
The head has a voice for made pictures and one for altered ones. Where the picture is decided fake and the second is louder, the
verdict is `manipulated`, else `synthetic`.
"""
FACES = """\
The product looks at every face of a picture as well, with the [face model](../face/card.md); the more suspicious answer decides
(docs/models/image.md). Measured on pictures of repositories that the face model was neither trained on nor calibrated by, the
whole picture out of fold as above; "unseen generator family" is without StyleGANs here, since the face model has seen one. AUC is
of the order in which the rule puts pictures.
"""


def render(manifest: ModelManifest, tables: Mapping[str, Sequence[Row]], *, counts: Mapping[int, int]) -> str:
    """Return the card's text."""
    parts = [
        f"# Image model {manifest.version}\n",
        "<!-- Written by training/image/evaluate.py; do not edit. -->\n",
        INTRO,
        f"## What it is\n\n{_stages(manifest)}",
        f"## Data and splits\n\n{counts[0]} real and {counts[1]} fake pictures.\n\n{SPLITS}",
        f"## Operating points\n\n{_operating(manifest)}",
        f"## Measured\n\n{_table(tables['overall'])}\n![ROC](roc.svg) ![Reliability](reliability.svg)\n",
        f"### By kind\n\n{_table(tables['kinds'])}",
        _altered(tables["made or altered"]),
        _faces(tables.get("faces", ())),
        _robustness(),
        _night(),
        _baselines(tables),
        f"## Guards and attribution\n\n{_guards(manifest)}",
        f"## Weak spots\n\n{_weak(tables)}",
        f"## Real sources, most false alarms first\n\n{_table(tables['real sources'])}",
        f"## Fake sources\n\n{_table(tables['fake sources'])}",
    ]
    return "\n".join(part for part in parts if part)


def _stages(manifest: ModelManifest) -> str:
    lines = []
    for stage in manifest.stages:
        seen = "the centre square" if stage.view == "square" else f"up to {stage.most} native-resolution crops"
        behind = f" behind the pinned encoder `{stage.encoder}`" if stage.encoder else ""
        lines.append(
            f"- `{stage.name}`: {seen} at {stage.side} pixels{behind}; weight {stage.weight:.2f} in the fused logit."
        )
    return "\n".join(lines) + "\n"


def _operating(manifest: ModelManifest) -> str:
    head = "| mode | synthetic from | authentic up to | false alarms | recall |\n|---|---|---|---|---|\n"
    return (
        head + _mode("normal", manifest.normal) + _mode("strict", manifest.strict) + "\nRates are weighted by source.\n"
    )


def _mode(name: str, mode: OperatingMode) -> str:
    bounds, point = mode.thresholds, mode.operating_point
    return f"| {name} | {bounds.synthetic:.3f} | {bounds.authentic:.3f} | {point.fpr:.3f} | {point.recall:.3f} |\n"


def _guards(manifest: ModelManifest) -> str:
    guards = manifest.guards
    lines = [
        f"- `low_resolution`: shorter side below {guards.smallest_side_px} pixels.",
        f"- `out_of_distribution`: feature distance above {guards.largest_distance:.2f}, or grey-level deviation below"
        f" {guards.flattest_std:.0f}.",
    ]
    if len(manifest.stages) > 1:
        lines.append(f"- `models_disagree`: calibrated scores further apart than {guards.largest_disagreement:.2f}.")
    if manifest.attribution:
        named = [label for label in manifest.attribution.labels if label != "other"]
        lines.append(
            f"- Attribution names only {', '.join(named)}, from probability {manifest.attribution.threshold:.2f} on."
        )
    return "\n".join(lines) + "\n"


def _weak(tables: Mapping[str, Sequence[Row]]) -> str:
    alarms = [r for r in tables["real sources"] if float(r.values["decided fake"]) > 0.10 and r.real >= 10]
    missed = [r for r in tables["fake sources"] if float(r.values["decided fake"]) < 0.2 and r.fake >= 5]
    lines = [
        "- Edits of real pictures (inpainting, swaps, restoration, re-encoding through an autoencoder) are far harder than"
        " whole-image generation: see the table by kind.",
        "- Real sources above 10 % false alarms: "
        + (", ".join(f"{r.name} ({r.values['decided fake']})" for r in alarms) or "none")
        + ".",
        "- Fake sources of which less than a fifth is decided fake: "
        + (", ".join(r.name for r in missed) or "none")
        + ".",
        "- Fake faces are mostly of the StyleGAN family; diffusion faces and deep swaps are few, so numbers on faces flatter.",
        "- Pictures were found in public repositories: camera originals and messenger-compressed files are under-represented.",
    ]
    return "\n".join(lines) + "\n"


def _altered(rows: Sequence[Row]) -> str:
    return f"### Made or altered\n\n{ALTERED}\n{_table(rows)}"


def _faces(rows: Sequence[Row]) -> str:
    return f"## With the face model\n\n{FACES}\n{_table(rows)}" if rows else ""


def _robustness() -> str:
    path = MODEL_DIR / "robustness.json"
    if not path.is_file():
        return ""
    facts = json.loads(path.read_text())
    rows = "".join(
        f"| {name} | {row['AUC']} | {row['decided fake']} | {row['false alarms']} | {row['drift']} | {row['flips']} |\n"
        for name, row in facts["rows"].items()
    )
    intro = f"### After further damage\n\n{facts['real']} real and {facts['fake']} fake pictures, drawn evenly over sources.\n"
    intro += (
        "Drift is the mean change of the score, flips the share of pictures decided both times that changed sides.\n\n"
    )
    return intro + "| damage | AUC | decided fake | false alarms | drift | flips |\n|---|---|---|---|---|---|\n" + rows


def _night() -> str:
    path = MODEL_DIR / "night.json"
    if not path.is_file():
        return ""
    facts = json.loads(path.read_text())
    verdicts = ", ".join(f"{name} {share:.3f}" for name, share in facts["verdicts"].items())
    worst = [
        (name, row) for name, row in facts["by source"].items() if row.get("synthetic", 0) + row.get("manipulated", 0)
    ]
    alarms = "; ".join(
        f"{name} {row.get('synthetic', 0) + row.get('manipulated', 0):.2f} of {row['files']}" for name, row in worst
    )
    return (
        f"### Photographs taken at night\n\n{facts['pictures']} pictures of {facts['repositories']} repositories"
        " (training/image/night.csv), by phones and cameras: streets, concerts, fireworks, auroras, stars. No model learned"
        " from them or had a threshold set by them; each goes through the whole product as it was found.\n\n"
        f"Decided fake: **{facts['decided fake']}**. Verdicts: {verdicts}. Decided fake by source: {alarms or 'none'}.\n"
    )


def _baselines(tables: Mapping[str, Sequence[Row]]) -> str:
    path = MODEL_DIR / "baselines.json"
    if not path.is_file():
        return ""
    measured: dict[str, dict[str, str]] = json.loads(path.read_text())
    columns = list(dict.fromkeys(column for row in measured.values() for column in row))
    own = {row.name: row.values["AUC"] for row in (*tables["overall"], *tables["kinds"])}
    unseen = "unseen generator family"
    places = {"all": f"{unseen}, clean", "random history": f"{unseen}, random history 1"}
    model = {column: own.get(places.get(column, f"{column}, {unseen}"), "") for column in columns}
    rows = {"**this model**": model, **measured}
    head = f"| AUC | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}\n"
    lines = "".join(f"| {name} | {' | '.join(row.get(c, '') for c in columns)} |\n" for name, row in rows.items())
    return f"### Beside simple baselines, same pictures and folds ({unseen})\n\n{head}{lines}"


def _table(rows: Sequence[Row]) -> str:
    names = list(rows[0].values)
    head = f"| | real | fake | {' | '.join(names)} |\n|{'---|' * (len(names) + 3)}\n"
    return head + "".join(
        f"| {r.name} | {r.real} | {r.fake} | {' | '.join(r.values[n] for n in names)} |\n" for r in rows
    )
