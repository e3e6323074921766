"""docs/errors.md both ways: what the source raises is in its table, and each code of the table is raised, and seen by a test."""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from forensics.domain import errors
from forensics.domain.errors import DetectorError, problem
from forensics.web.openapi import openapi_document

ROOT = Path(__file__).resolve().parents[3]
TABLE = dict(
    re.findall(r"^\| ([a-z-]+) \| (\d{3}) \|", (ROOT / "docs/errors.md").read_text(encoding="utf-8"), flags=re.M)
)
CLASSES = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DetectorError)}
ROOTS = {"DetectorError", "MediaError"}  # never raised by themselves
GATEWAY = re.findall(r'"code":"([a-z-]+)"', (ROOT / "template.yaml").read_text(encoding="utf-8"))


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file, ast.parse(file.read_text(encoding="utf-8"))


def name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


@lru_cache(maxsize=1)
def raised() -> dict[str, set[str]]:
    """Where each code is raised or answered in the source: by its class, or by a class of the source derived from it."""
    found: dict[str, set[str]] = defaultdict(set)
    source = list(modules("layers/forensics/src", "functions"))
    derived = {
        node.name: name_of(base)
        for _, tree in source
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if name_of(base) in CLASSES
    }
    for file, tree in source:
        for node in ast.walk(tree):
            made = node.exc if isinstance(node, ast.Raise) else node.func if isinstance(node, ast.Call) else None
            name = name_of(made) if made is not None else ""
            name = derived.get(name, name) if name not in CLASSES else name
            if name in CLASSES:
                found[CLASSES[name].code].add(str(file.relative_to(ROOT)))
    for code in GATEWAY:
        found[code].add("template.yaml")
    return found


@lru_cache(maxsize=1)
def seen_by_tests() -> dict[str, set[str]]:
    """The tests that expect each code: in an assertion, in `pytest.raises`, or among their parameters."""
    found: dict[str, set[str]] = defaultdict(set)
    for file, tree in modules("tests/unit", "tests/integration", "tests/e2e"):
        if file == Path(__file__):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for code in expected(node):
                    found[code].add(f"{file.relative_to(ROOT)}::{node.name}")
    return found


def expected(test: ast.FunctionDef) -> Iterator[str]:
    raises = [n for n in ast.walk(test) if isinstance(n, ast.Call) and name_of(n.func) == "raises"]
    places: list[ast.AST] = [*test.decorator_list, *raises, *(n for n in ast.walk(test) if isinstance(n, ast.Assert))]
    for place in places:
        for node in ast.walk(place):
            if isinstance(node, ast.Constant) and node.value in TABLE:
                yield str(node.value)
            elif (name := name_of(node)) in CLASSES and name not in ROOTS:
                yield CLASSES[name].code


def test_the_table_is_every_code_with_its_status() -> None:
    assert {code: str(kind.status) for code, kind in errors.codes().items()} == TABLE
    assert {kind.code for name, kind in CLASSES.items() if name not in ROOTS} == set(TABLE)


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_code_of_the_table_is_raised(code: str) -> None:
    assert raised()[code], "no source raises it: take it out of the table"


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_code_of_the_table_is_expected_by_a_test(code: str) -> None:
    assert seen_by_tests()[code], "no test expects it"


def test_no_error_without_a_code_of_its_own_is_raised() -> None:
    for file, tree in modules("layers/forensics/src", "functions"):
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Call) and name_of(node.func) in ROOTS), file


def test_whatever_is_raised_is_in_the_table() -> None:
    assert set(raised()) <= set(TABLE)
    assert set(GATEWAY) <= set(TABLE)


def test_errors_of_other_modules_keep_a_code_of_the_table() -> None:
    """A special case that a module derives for itself answers as what it derives from."""
    pending: list[type[DetectorError]] = [DetectorError]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if kind is not errors.MediaError:
            assert kind.code in TABLE and str(kind.status) == TABLE[kind.code]


def test_the_type_of_a_problem_is_an_anchor_of_the_page() -> None:
    for kind in CLASSES.values():
        assert problem(kind())["type"] == f"{errors.DOCS_BASE}{kind.code}"


def test_every_code_is_an_example_of_the_description() -> None:
    assert set(openapi_document()["components"]["examples"]) | {"method-not-allowed"} == set(TABLE)
