"""docs/provenance.md names every watermark, tool and strength that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from forensics.provenance import strength
from forensics.provenance.watermark import FLOOR, PATTERNS

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "provenance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [n for n in vars(strength) if n.isupper()])
def test_every_strength_is_documented(name: str) -> None:
    assert str(getattr(strength, name)) in DOCS


def test_every_watermark_and_its_threshold_is_documented() -> None:
    assert str(FLOOR) in DOCS
    for pattern in PATTERNS:
        assert pattern.name in DOCS
        assert f"| {pattern.threshold:.3f} |" in DOCS
