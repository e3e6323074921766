"""The docs tell the truth: codes, endpoints, options, settings and the README's answer are held against the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from forensics.cli import main as command
from forensics.domain.verdict import REASON_TEXTS
from forensics.web.detect_body import DetectBody
from forensics.web.openapi import openapi_document
from forensics.web.schemas import Result

ROOT = Path(__file__).resolve().parents[3]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_endpoint_and_field_is_described() -> None:
    page = text("docs/api.md")
    for path, operations in openapi_document()["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in page
    for field in DetectBody.model_fields:
        assert f"`{field}`" in page


def test_every_reason_of_an_inconclusive_verdict_is_described() -> None:
    for code in REASON_TEXTS:
        assert f"`{code}`" in text("docs/api.md")


def test_every_option_of_the_command_is_described() -> None:
    options = {
        option for action in command._parser()._actions for option in action.option_strings if option.startswith("--")
    }
    page = text("docs/cli.md")
    for option in options - {"--help"}:
        assert f"`{option}" in page


def test_the_readmes_answer_is_a_result() -> None:
    blocks = re.findall(r"```json\n(.*?)```", text("README.md"), flags=re.S)
    assert len(blocks) == 1
    result = Result.model_validate(json.loads(blocks[0]))
    assert (result.verdict, result.generator) == ("synthetic", "sdxl-v1.0")


@pytest.mark.parametrize(
    "page",
    sorted(
        str(p.relative_to(ROOT)) for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/**/*.md")]
    ),
)
def test_links_lead_somewhere(page: str) -> None:
    for link in LINK.findall(text(page)):
        assert ((ROOT / page).parent / link).exists(), link
