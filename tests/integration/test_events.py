"""Every recorded event of events/ is replayed against its function's real handler."""

from __future__ import annotations

from pathlib import Path

from tests.integration.conftest import EVENTS


def test_every_event_is_replayed_here() -> None:
    source = "".join(test.read_text(encoding="utf-8") for test in Path(__file__).parent.glob("test_*.py"))
    missing = [file.stem for file in EVENTS.glob("*.json") if f'"{file.stem}"' not in source]
    assert missing == []
