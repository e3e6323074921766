"""docs/signals.md, the measured ranges and the code speak of the same signals of still pictures, words, ranges and figures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from forensics.detect.signals import MEASURES, SignalRanges
from forensics.usecases.look_at_faces import MEASURES as FACE_MEASURES

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "signals.md").read_text(encoding="utf-8").split("\n# Audio signals")[0]
WHOLE, FACE = (SignalRanges.load(ROOT / "models" / name / "signals.toml").ranges for name in ("image", "face"))
WHOLE_FACTS, FACE_FACTS = (
    json.loads((ROOT / "models" / name / "signals.json").read_text()) for name in ("image", "face")
)


def section(name: str) -> dict[str, str]:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", DOCS, flags=re.M | re.S)
    assert found is not None, name
    return dict(re.findall(r"^\| (\w+) \| (.+) \|$", found.group(1), flags=re.M))


def test_every_signal_has_a_range_and_a_section_and_no_other_has() -> None:
    assert (list(WHOLE), list(FACE)) == (list(MEASURES), list(FACE_MEASURES))
    assert re.findall(r"^## (\w+)$", DOCS, flags=re.M) == [*MEASURES, *FACE_MEASURES]


@pytest.mark.parametrize("name", [*WHOLE, *FACE])
def test_ranges_and_words_are_those_that_are_used(name: str) -> None:
    rows, known = section(name), {**WHOLE, **FACE}[name]
    assert list(rows) == ["Formula", "Range", "Words", "Meaning", "Worth", "Cost"]
    assert rows["Range"].startswith(f"{known.low:.3f} to {known.high:.3f}")
    assert all(f"`{word}`" in rows["Words"] for word in (known.below, known.inside, known.above))


@pytest.mark.parametrize("name", WHOLE_FACTS)
def test_the_worth_of_what_is_measured_of_the_whole_picture_is_told(name: str) -> None:
    told = section(name)["Worth"] if name in WHOLE else _row(name)
    share, pairs = WHOLE_FACTS[name]["pairs_lower"].split(" of ")
    assert WHOLE_FACTS[name]["auc"] in told
    assert f"{float(share) * 100:.0f} % of {pairs}" in told


@pytest.mark.parametrize("name", FACE_FACTS)
def test_the_worth_of_what_is_measured_of_a_face_is_told(name: str) -> None:
    told = section(name)["Worth"] if name in FACE else _row(name)
    share, pairs = FACE_FACTS[name]["pasted faces lower"].split(" of ")
    assert all(FACE_FACTS[name][group] in told for group in ("wholly generated", "swaps"))
    assert f"{float(share) * 100:.0f} % of {pairs}" in told


def _row(name: str) -> str:
    (row,) = [line for line in DOCS.splitlines() if line.startswith(f"| {name} |")]
    return row
