"""docs/keys.md and docs/limits.md are held against the code."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from forensics.cli import admin
from forensics.domain.errors import codes
from forensics.domain.keys import KEY_PATTERN, SCOPES, new_key
from forensics.domain.plans import PLANS
from forensics.domain.rehearsal import CHOSEN_BY, SCORES
from forensics.web.usage_routes import UsageReport

DOCS = Path(__file__).resolve().parents[3] / "docs"
KEYS, LIMITS = ((DOCS / name).read_text(encoding="utf-8") for name in ("keys.md", "limits.md"))


def test_the_plans_are_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+|no limit)", LIMITS, flags=re.M)
    told = {name: (minute.replace(",", ""), month.replace(",", "")) for name, minute, month in rows}
    assert told == {
        p.name: (str(p.per_minute), "no limit" if p.per_month is None else str(p.per_month)) for p in PLANS.values()
    }


def test_the_usage_is_an_answer() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", LIMITS, flags=re.S)
    report = UsageReport.model_validate(json.loads(block))
    assert report.minute.used + (report.minute.remaining or 0) == report.minute.limit


def test_the_scanners_code_tells_keys_from_noise() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", KEYS, flags=re.S)
    names: dict[str, object] = {}
    exec(block, names)  # the page's own code
    is_key = names["is_key"]
    assert callable(is_key)
    key = new_key(live=True)
    assert is_key(key) and not is_key(key[:-1] + ("x" if key[-1] != "x" else "y")) and not is_key("dd_live_x")
    assert KEY_PATTERN.pattern.replace("{38}", "{38}") in KEYS


def test_every_option_and_scope_is_described() -> None:
    (create,) = [p for p in parsers(admin._parser()) if p.prog.endswith("create")]
    for option in {o for action in create._actions for o in action.option_strings if o.startswith("--")} - {"--help"}:
        assert f"`{option}`" in KEYS
    for name in (*SCOPES, *PLANS):
        assert f"`{name}`" in KEYS


def parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    below = [c for a in parser._actions if isinstance(a, argparse._SubParsersAction) for c in a.choices.values()]
    return [parser, *(found for child in below for found in parsers(child))]


def test_every_script_of_a_test_key_is_described() -> None:
    for verdict in SCORES:
        assert f"`{CHOSEN_BY}{verdict.value}`" in KEYS
    assert all(code in codes() for code in re.findall(r"`test:((?:media|service)-[a-z-]+)`", KEYS))
