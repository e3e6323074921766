"""docs/signals.md, models/audio/signals.toml and the code speak of the same audio signals, words, ranges and figures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from forensics.detect.audio_signals import MEASURES
from forensics.detect.signals import SignalRange, SignalRanges

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "signals.md").read_text(encoding="utf-8")
RANGES = SignalRanges.load(ROOT / "models" / "audio" / "signals.toml").ranges
FACTS = json.loads((ROOT / "models" / "audio" / "signals.json").read_text(encoding="utf-8"))
EXTRA_WORDS = {"spectrum": "band_limited", "noise_floor": "digital_silence"}


def section(name: str) -> dict[str, str]:
    """Return the rows of a signal's table."""
    found = re.search(rf"^## {name} \(sound\)\n(.*?)(?=^## |\Z)", DOCS, flags=re.M | re.S)
    assert found is not None, name
    return dict(re.findall(r"^\| (\w+) \| (.+) \|$", found.group(1), flags=re.M))


def test_every_signal_has_a_range_and_a_section_and_no_other_has() -> None:
    assert list(RANGES) == list(MEASURES)
    assert re.findall(r"^## (\w+) \(sound\)$", DOCS, flags=re.M) == list(MEASURES)


@pytest.mark.parametrize("name", MEASURES)
def test_range_and_words_are_those_that_are_used(name: str) -> None:
    known: SignalRange = RANGES[name]
    rows = section(name)
    assert list(rows) == ["Formula", "Range", "Words", "Meaning", "Worth"]
    assert rows["Range"].startswith(f"{known.low:.4g} to {known.high:.4g}")
    for word in {known.below, known.inside, known.above, *filter(None, [EXTRA_WORDS.get(name)])}:
        assert f"`{word}`" in rows["Words"]


@pytest.mark.parametrize("name", MEASURES)
def test_the_worth_is_what_was_measured(name: str) -> None:
    worth = section(name)["Worth"]
    held = FACTS["signals"][name]["held_out"]
    assert held["auc"] in worth
    assert f"lower on {held['lower']} of {held['pages']}" in worth


def test_the_worth_of_splices_is_what_was_measured() -> None:
    worth = section("splices")["Worth"]
    for kind in ("another_page", "same_page", "copy_synthesis"):
        assert str(FACTS["splices"][kind]["auc"]) in worth
        assert f"{FACTS['splices'][kind]['found_at_the_splice'] * 100:.0f} %" in worth
