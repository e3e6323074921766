"""The video's state machine: every way ends, what it calls exists and is allowed, and the docs draw it as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from forensics.domain.errors import DetectorError, InternalError
from forensics.usecases.detect_video import LONGEST_S
from forensics.usecases.finish_video import MEDIA_FAULT
from forensics.usecases.video_tasks import INLINE_CHUNKS, JobEnded
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
    never = (MEDIA_FAULT, JobEnded.__name__) if "Plan" in task["Resource"] else (MEDIA_FAULT,)
    assert names[0] == never and task["Retry"][0]["MaxAttempts"] == 0
    assert names[-1] == ("States.ALL",)
    assert all(retry["JitterStrategy"] == "FULL" for retry in task["Retry"][1:])


def test_the_timer_and_the_machine_agree_on_how_long_an_execution_lasts() -> None:
    assert MACHINE["TimeoutSeconds"] == LONGEST_S <= 900  # the longest delay of a queue


def test_whatever_fails_the_job_ends() -> None:
    for name, state in MACHINE["States"].items():
        if name not in ("Fail the job", "Nothing to do"):
            assert [c["Next"] for c in state["Catch"] if c["ErrorEquals"] == ["States.ALL"]] == ["Fail the job"]


def test_a_chunk_is_looked_at_alike_whatever_their_number() -> None:
    few, many = (p.values[0] for p in states("Map"))
    assert (few["ItemsPath"], many["ItemReader"]["Parameters"]["Key.$"]) == ("$.plan.chunks", "$.plan.chunks_key")
    assert [m["ItemProcessor"]["ProcessorConfig"]["Mode"] for m in (few, many)] == ["INLINE", "DISTRIBUTED"]
    assert few["ItemSelector"] == many["ItemSelector"]
    (look, lost), (look_of_many, lost_of_many) = (m["ItemProcessor"]["States"].values() for m in (few, many))
    assert lost == lost_of_many
    assert without_target(look) == without_target(look_of_many)
    (choice,) = [c for p in states("Choice") for c in p.values[0]["Choices"] if "NumericGreaterThan" in c]
    assert choice["NumericGreaterThan"] == INLINE_CHUNKS


def without_target(task: Template) -> Template:
    return {**task, "Catch": [{**catch, "Next": None} for catch in task["Catch"]]}


def test_the_code_and_the_retries_mean_the_same_fault() -> None:
    assert MediaFault.__name__ == MEDIA_FAULT
    assert InternalError.code in TEXT and issubclass(InternalError, DetectorError)


def test_the_role_may_call_what_the_tasks_name_and_nothing_else() -> None:
    resources = parse((ROOT / "template.yaml").read_text())["Resources"]
    properties = resources["VideoStateMachine"]["Properties"]
    assert properties["DefinitionUri"] == VIDEO
    (policy,) = properties["Policies"]
    invoke, read = policy["Statement"]
    assert (invoke["Action"], read["Action"]) == ("lambda:InvokeFunction", "s3:GetObject")
    assert read["Resource"] == {"Fn::Sub": "${MediaBucket.Arn}/work/*"}
    substituted = properties["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == set(substituted)
    functions = {name: value for name, value in substituted.items() if name.endswith("FunctionArn")}
    assert sorted(map(str, invoke["Resource"])) == sorted(map(str, functions.values()))
    timeouts = {name: resources[value["Fn::GetAtt"][0]]["Properties"] for name, value in functions.items()}
    for parameter in states("Task"):
        (task,) = parameter.values
        function = timeouts[task["Resource"].strip("${}")]
        assert function.get("Timeout", 29) < task["TimeoutSeconds"]  # the function ends first and says why


def test_a_distributed_map_may_start_its_own_machine_and_no_other() -> None:
    policy = parse((ROOT / "template.yaml").read_text())["Resources"]["VideoMapPolicy"]["Properties"]
    assert policy["Roles"] == [{"Ref": "VideoStateMachineRole"}]
    start, watch = policy["PolicyDocument"]["Statement"]
    assert (start["Action"], start["Resource"]) == ("states:StartExecution", {"Ref": "VideoStateMachine"})
    assert watch["Action"] == ["states:DescribeExecution", "states:StopExecution"]
    assert watch["Resource"]["Fn::Sub"].endswith(":execution:${VideoStateMachine.Name}:*")


def test_it_is_plain_yaml() -> None:
    assert not re.search(r"(?m)[:-] [&*]\w", TEXT)  # CloudFormation reads the file as it is, and knows no anchors


def test_the_docs_show_it() -> None:
    assert flowchart(MACHINE) in (ROOT / "docs/video.md").read_text()
