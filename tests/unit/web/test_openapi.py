"""The description is whole: an example for every status of every operation, each true to its schema, and links that lead on."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from forensics.domain.errors import codes
from forensics.web.openapi import PUBLIC_PATHS, openapi_document

DOCUMENT: dict[str, Any] = json.loads(json.dumps(openapi_document()))
OPERATIONS = {o["operationId"]: (path, o) for path, item in DOCUMENT["paths"].items() for o in item.values()}
EMPTY = {"204", "304"}


def answers() -> Iterator[Any]:
    for name, (_, operation) in OPERATIONS.items():
        for status, response in operation["responses"].items():
            yield pytest.param(status, response, id=f"{name}-{status}")


def contents() -> Iterator[Any]:
    """Everything with a schema: bodies of requests, answers and webhooks."""
    for name, (_, operation) in OPERATIONS.items():
        bodies = [("request", operation.get("requestBody", {})), *operation["responses"].items()]
        for where, body in bodies:
            for kind, content in body.get("content", {}).items():
                yield pytest.param(content, id=f"{name}-{where}-{kind}")
    for name, item in DOCUMENT["webhooks"].items():
        yield pytest.param(item["post"]["requestBody"]["content"]["application/json"], id=name)


def resolved(reference: dict[str, Any]) -> Any:
    node: Any = reference
    while "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


@pytest.mark.parametrize(("status", "response"), list(answers()))
def test_every_answer_has_an_example(status: str, response: dict[str, Any]) -> None:
    contents = response.get("content", {})
    assert bool(contents) is (status not in EMPTY)
    assert all(content["examples"] for content in contents.values())


@pytest.mark.parametrize("content", list(contents()))
def test_every_example_is_true_to_its_schema(content: dict[str, Any]) -> None:
    validator = Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})
    for example in content["examples"].values():
        validator.validate(resolved(example)["value"])


def test_a_wrong_example_would_be_seen() -> None:
    content = OPERATIONS["get_job"][1]["responses"]["200"]["content"]["application/json"]
    validator = Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})
    for example in content["examples"].values():
        wrong = copy.deepcopy(example["value"])
        wrong["verdict"] = "perhaps"
        assert not validator.is_valid(wrong)


def test_a_problems_example_has_the_status_that_it_stands_under() -> None:
    shown = set()
    for _, operation in OPERATIONS.values():
        for status, response in operation["responses"].items():
            for example in response.get("content", {}).get("application/problem+json", {}).get("examples", {}).values():
                problem = resolved(example)["value"]
                assert str(problem["status"]) == status
                shown.add(problem["code"])
    assert shown | {"method-not-allowed"} == set(codes())  # 405 is of paths, and stands with none of their operations


def test_every_link_leads_to_an_operation_and_fills_what_it_asks_for() -> None:
    seen = set()
    for _, operation in OPERATIONS.values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                path, target = OPERATIONS[link["operationId"]]
                needed = set(re.findall(r"{(\w+)}", path))
                asked = {parameter["name"] for parameter in target.get("parameters", [])}
                assert needed <= set(link.get("parameters", {})) <= asked
                assert "requestBody" not in link or "requestBody" in target
                seen.add(link["operationId"])
    with_ids = {name for name, (path, _) in OPERATIONS.items() if "{" in path}
    assert with_ids <= seen


def test_only_public_paths_need_no_key() -> None:
    assert DOCUMENT["security"] == [{"apiKey": []}]
    assert {path for path, o in OPERATIONS.values() if o.get("security") == []} == set(PUBLIC_PATHS)
    for path, operation in OPERATIONS.values():
        assert ("401" in operation["responses"]) is (path not in PUBLIC_PATHS)
