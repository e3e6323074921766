"""The time limit of an execution, over MiniStack's own names: it ends once, as timed out."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from ministack.services import stepfunctions as states

from localcloud.time_limits import keep_time_limits

ARN = "arn:aws:states:us-east-1:000000000000:execution:video:job_1"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One running execution of a machine with a limit of 50 ms; the statuses that were told of it."""
    told: list[str] = []
    monkeypatch.setattr(states, "_executions", {ARN: {"status": "RUNNING", "stateMachineArn": "m", "events": []}})
    monkeypatch.setattr(states, "_state_machines", {"m": {"definition": json.dumps({"TimeoutSeconds": 0.05})}})
    monkeypatch.setattr(states, "_emit_execution_status_event", lambda execution: told.append(execution["status"]))
    monkeypatch.setattr(states, "_fail_execution", states._fail_execution)
    return told


def run(monkeypatch: pytest.MonkeyPatch, work: Any) -> dict[str, Any]:
    monkeypatch.setattr(states, "_run_execution", work)
    assert keep_time_limits() == []
    states._run_execution(ARN)
    found: dict[str, Any] = states._executions[ARN]
    return found


def test_an_execution_that_lasts_too_long_times_out_once(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    def never_ends(arn: str) -> None:
        while states._executions[arn]["status"] == "RUNNING":
            threading.Event().wait(0.005)
        states._fail_execution(states._executions[arn], "States.Runtime", "a branch that ran on")

    execution = run(monkeypatch, never_ends)
    assert (execution["status"], told) == ("TIMED_OUT", ["TIMED_OUT"])
    assert [event["type"] for event in execution["events"]] == ["ExecutionTimedOut"]


def test_one_that_ends_in_time_is_left_alone(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    def fails(arn: str) -> None:
        states._fail_execution(states._executions[arn], "States.Runtime", "at once")

    execution = run(monkeypatch, fails)
    threading.Event().wait(0.1)
    assert (execution["status"], told) == ("FAILED", ["FAILED"])


def test_a_machine_without_a_limit_has_none(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    states._state_machines["m"]["definition"] = "{}"
    execution = run(monkeypatch, lambda arn: threading.Event().wait(0.1))
    assert (execution["status"], told) == ("RUNNING", [])


def test_another_ministack_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = states._run_execution
    monkeypatch.delattr(states, "_add_event")
    assert keep_time_limits() == ["stepfunctions._add_event"]
    assert states._run_execution is before
