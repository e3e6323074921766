"""The video's state machine: every way ends, what it calls exists and is allowed, and the docs draw it as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from forensics.domain.errors import DetectorError, InternalError
from forensics.usecases.finish_video import MEDIA_FAULT
from functions.working import MediaFault
from localcloud.drawing import VIDEO, flowchart
from localcloud.emulator import ROOT
from localcloud.localise import Template, parse

TEXT = (ROOT / VIDEO).read_text()
MACHINE: Template = yaml.safe_load(TEXT)
RESERVED_RETRIES = {"States.ALL", "States.Timeout"}


def machines(machine: Template) -> Iterator[Template]:
    """The machine and those inside its Parallel and Map states."""
    yield machine
    for state in machine["States"].values():
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from machines(inner)


def states(kind: str) -> list[Any]:
    found = [(n, s) for m in machines(MACHINE) for n, s in m["States"].items() if s["Type"] == kind]
    return [pytest.param(s, id=n) for n, s in found]


def targets(state: Template) -> set[str]:
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {way["Next"] for way in ways if "Next" in way} | ({state["Default"]} if "Default" in state else set())


def test_every_state_is_reached_and_goes_somewhere() -> None:
    for machine in machines(MACHINE):
        reached = {machine["StartAt"]}.union(*map(targets, machine["States"].values()))
        assert reached == set(machine["States"])
        for name, state in machine["States"].items():
            assert (state.get("End") is True) != bool(targets(state) - {c["Next"] for c in state.get("Catch", [])}), (
                name
            )


@pytest.mark.parametrize("task", states("Task"))
def test_every_task_ends_in_time_and_is_tried_again_by_the_kind_of_error(task: Template) -> None:
    assert 0 < task["TimeoutSeconds"] < MACHINE["TimeoutSeconds"]
    names = [tuple(retry["ErrorEquals"]) for retry in task["Retry"]]
    assert names[0] == (MEDIA_FAULT,) and task["Retry"][0]["MaxAttempts"] == 0
    assert names[-1] == ("States.ALL",)
    assert all(retry["JitterStrategy"] == "FULL" for retry in task["Retry"][1:])


def test_whatever_fails_the_job_ends() -> None:
    for name, state in MACHINE["States"].items():
        if name != "Fail the job":
            assert [c["Next"] for c in state["Catch"] if c["ErrorEquals"] == ["States.ALL"]] == ["Fail the job"]


def test_the_code_and_the_retries_mean_the_same_fault() -> None:
    assert MediaFault.__name__ == MEDIA_FAULT
    assert InternalError.code in TEXT and issubclass(InternalError, DetectorError)


def test_the_role_may_call_what_the_tasks_name_and_nothing_else() -> None:
    resources = parse((ROOT / "template.yaml").read_text())["Resources"]
    properties = resources["VideoStateMachine"]["Properties"]
    assert properties["DefinitionUri"] == VIDEO
    (policy,) = properties["Policies"]
    (statement,) = policy["Statement"]
    assert statement["Action"] == "lambda:InvokeFunction"
    substituted = properties["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == set(substituted)
    assert sorted(map(str, statement["Resource"])) == sorted(map(str, substituted.values()))
    timeouts = {name: resources[value["Fn::GetAtt"][0]]["Properties"] for name, value in substituted.items()}
    for parameter in states("Task"):
        (task,) = parameter.values
        function = timeouts[task["Resource"].strip("${}")]
        assert function.get("Timeout", 29) < task["TimeoutSeconds"]  # the function ends first and says why


def test_it_is_plain_yaml() -> None:
    assert not re.search(r"(?m)[:-] [&*]\w", TEXT)  # CloudFormation reads the file as it is, and knows no anchors


def test_the_docs_show_it() -> None:
    assert flowchart(MACHINE) in (ROOT / "docs/video.md").read_text()
