"""docs/signals.md, models/video/signals.toml and the code speak of the same signals of faces over time."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from forensics.domain.face_signals import LIP_SYNC, MEASURES
from forensics.domain.signal_ranges import SignalRange

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "signals.md").read_text(encoding="utf-8")


def ranges(file: str) -> dict[str, SignalRange]:
    return {n: SignalRange(**r) for n, r in tomllib.loads((ROOT / "models" / "video" / file).read_text()).items()}


RANGES = ranges("signals.toml") | ranges("lips.toml")
WORTH = json.loads((ROOT / "models/video/signals.json").read_text())["worth"]
LIPS = json.loads((ROOT / "models/lips/metrics.json").read_text())["worth"]


def section(name: str) -> dict[str, str]:
    found = re.search(rf"^## {name} \(video\)\n(.*?)(?=^## |\Z)", DOCS, flags=re.M | re.S)
    assert found is not None, name
    return dict(re.findall(r"^\| (\w+) \| (.+) \|$", found.group(1), flags=re.M))


def test_every_signal_has_a_section_and_no_other_has() -> None:
    assert set(RANGES) <= {*MEASURES, LIP_SYNC}
    assert list(RANGES) == re.findall(r"^## (\w+) \(video\)$", DOCS, flags=re.M)


@pytest.mark.parametrize("name", RANGES)
def test_ranges_words_and_worth_are_those_that_are_used(name: str) -> None:
    rows, known = section(name), RANGES[name]
    assert list(rows) == ["Formula", "Range", "Words", "Meaning", "Worth"]
    assert rows["Range"].startswith(f"{known.low:.4g} to {known.high:.4g}")
    assert all(f"`{word}`" in rows["Words"] for word in (known.below, known.inside, known.above))
    if name == LIP_SYNC:
        assert all(figure in rows["Worth"] for row in LIPS.values() for figure in map(str, row.values()))
    else:
        assert f"AUC {WORTH[name]['all fakes']:.2f}" in rows["Worth"]
