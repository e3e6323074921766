"""The words and tables of models/face/card.md; every number comes from the measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forensics.domain.scores import OperatingMode
from training.face.collect import SOURCES_CSV
from training.image.data import read_csv

INTRO = """\
What it says: the probability that a face was pasted, swapped, redrawn or wholly generated, from one aligned crop of 224 pixels
(`forensics.media.face_crop`). EfficientNet-lite0, fine-tuned; its stem and first block are ImageNet's. Trained for less than
an hour on one core: it finds swapped faces in photos, some in films, and in films it is far from its aim, an AUC of 0.85 on swaps
never trained on. Story and failures: [docs/models/face.md](../../docs/models/face.md).
"""
SPLITS = """\
Parts are dealt by source before any training, in `training/face/sources.csv`: train, dev (calibration and thresholds) and test
(this card). No clip or pair lies in two parts. One exception is a project with films that show a real face beside its swap:
they are dealt by the face that was put in, so the test part has other faces and other films (perhaps of the same streamers) of
a program that was trained on, and the photos `image:celeb_portraits_web` are of the same repository; figures without its films
stand beside. Forgeries of the training part are made from its real faces (self-blends, swaps with other people, changed
expressions) next to those films and to faces of one StyleGAN2 source. Clips that lay in the test part twice were taken out once
after the first measurement.
"""
LIMITS = """\
- Test films are few: intervals redraw whole clips and are wide. What is measured on a handful of clips is an indication.
- Every source is a public repository; phone originals and messenger copies are under-represented, dark skin too.
- Photos that were retouched, restored or filtered on a phone can look forged: the model answers to blending and redrawing, not
  to intent.
- Faces whose eyes are less than 16 pixels apart were neither trained on nor measured.
- Reenactment and wholly generated films leave no seam; see their rows before trusting a low score.
"""
STILLS = """\
A still picture is judged by one look at each face, with thresholds of its own (`[stills]` in the manifest): doubt begins where a
film's false alarms do. What the whole picture adds is in the image model's card.
"""


def write_card(facts: Mapping[str, Any], *, version: str, modes: Mapping[str, OperatingMode]) -> str:
    """Return the card."""
    faces = facts["faces"]
    parts = [
        f"# Face model {version}\n\n<!-- Written by training/face/card.py; do not edit. -->\n",
        INTRO,
        f"## Data and splits\n\n{SPLITS}\n{_sources()}",
        f"## Operating points\n\n{_operating(modes)}",
        f"## Measured on the test part\n\n{faces['real']} real and {faces['forged']} forged faces. 95 % intervals in brackets.\n",
        f"### Faces\n\n{_groups(facts['frames'])}",
        f"### Clips and pictures (mean logit of the upper half of a clip's faces)\n\n{_groups(facts['clips'])}",
        "![ROC](roc.svg) ![Reliability](reliability.svg)\n",
        f"### After one more damage, swaps in films\n\n{_damage(facts['after_damage'])}",
        f"### One look, at the thresholds for stills\n\n{STILLS}\n{_stills(facts['stills'])}",
        f"### By source, at the normal threshold\n\n{_by_source(facts['by_source'])}",
        f"## Limits\n\n{LIMITS}",
    ]
    return "\n".join(parts)


def _sources() -> str:
    rows = read_csv(SOURCES_CSV)
    lines = []
    for part in ("train", "dev", "test"):
        names = dict.fromkeys(f"{row['source']}" for row in rows if row["part"] == part)
        lines.append(f"| {part} | {', '.join(names)} |\n")
    return "| part | sources |\n|---|---|\n" + "".join(lines)


def _operating(modes: Mapping[str, OperatingMode]) -> str:
    head = "| mode | forged from | authentic up to | false alarms | recall |\n|---|---|---|---|---|\n"
    lines = [
        f"| {name} | {m.thresholds.synthetic:.3f} | {m.thresholds.authentic:.3f} | {m.operating_point.fpr:.3f} "
        f"| {m.operating_point.recall:.3f} |\n"
        for name, m in modes.items()
    ]
    measured = next(iter(modes.values())).operating_point.measured_on
    return head + "".join(lines) + f"\nOne face at a time, on {measured}; every source by the root of its size.\n"


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    head = "| | real | forged | AUC | EER | recall at 1 % | recall at 5 % | ECE |\n|---|---|---|---|---|---|---|---|\n"
    keys = ("auc", "eer", "recall_at_1_percent", "recall_at_5_percent", "ece")
    return head + "".join(
        f"| {name} | {row['real']} | {row['forged']} | {' | '.join(_interval(row[key]) for key in keys)} |\n"
        for name, row in groups.items()
    )


def _stills(rows: Mapping[str, Mapping[str, float]]) -> str:
    head = "| | faces | manipulated | manipulated, strict | in doubt or manipulated |\n|---|---|---|---|---|\n"
    shares = ("manipulated", "manipulated, strict", "in doubt or manipulated")
    lines = [
        f"| {name} | {row['faces']} | {' | '.join(f'{row[s]:.3f}' for s in shares)} |\n" for name, row in rows.items()
    ]
    return head + "".join(lines)


def _damage(rows: Mapping[str, Sequence[float] | None]) -> str:
    return "| damage | AUC |\n|---|---|\n" + "".join(f"| {name} | {_interval(row)} |\n" for name, row in rows.items())


def _by_source(rows: Sequence[Mapping[str, Any]]) -> str:
    head = "| source | label | faces | mean score | decided forged |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {r['source']} | {r['label']} | {r['faces']} | {r['mean']:.3f} | {r['decided_forged']:.3f} |\n" for r in rows
    )


def _interval(values: Sequence[float] | None) -> str:
    return f"{values[0]:.3f} ({values[1]:.3f}-{values[2]:.3f})" if values else "-"
