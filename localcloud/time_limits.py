"""What MiniStack's Step Functions leave out: the time limit of a whole execution, and that an execution ends once."""

from __future__ import annotations

import contextvars
import json
import threading
from typing import Any


def keep_time_limits() -> list[str]:
    """Let an execution that outlasts its machine's TimeoutSeconds end as TIMED_OUT, with the event that AWS sends.

    What still runs inside of it then changes nothing any more: MiniStack would overwrite the end with FAILED and tell of it
    a second time. Returns the private names that this MiniStack does not have; without them there is no limit.
    """
    from ministack.services import stepfunctions as states

    names = (
        "_run_execution",
        "_fail_execution",
        "_executions",
        "_state_machines",
        "_add_event",
        "_emit_execution_status_event",
    )
    if missing := [f"stepfunctions.{name}" for name in names if not hasattr(states, name)]:
        return missing
    run, fail = states._run_execution, states._fail_execution

    def run_in_time(arn: str) -> None:
        limit_s = _limit_s(states, arn)
        if limit_s is None:
            run(arn)
            return
        timer = threading.Timer(limit_s, contextvars.copy_context().run, (_time_out, states, arn))
        timer.daemon = True
        timer.start()
        try:
            run(arn)
        finally:
            timer.cancel()

    def fail_once(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    states._run_execution, states._fail_execution = run_in_time, fail_once
    return []


def _limit_s(states: Any, arn: str) -> float | None:
    machine = states._state_machines.get(states._executions[arn]["stateMachineArn"])
    limit: float | None = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    return limit


def _time_out(states: Any, arn: str) -> None:
    execution = states._executions.get(arn)
    if execution is None or execution["status"] != "RUNNING":
        return
    execution |= {"status": "TIMED_OUT", "stopDate": states.now_iso()}
    states._add_event(execution, "ExecutionTimedOut")
    states._emit_execution_status_event(execution)
