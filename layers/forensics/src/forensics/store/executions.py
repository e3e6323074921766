"""Step Functions: one execution per job, named by the job's id."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True)
class Executions:
    """The Queue port over a state machine: what is sent is an execution's input, small and without media."""

    client: Callable[[], SFNClient]
    state_machine: str

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        """Start the job's execution; starting it twice is harmless, because the name is the job's. `delay_s` must be 0."""
        if delay_s:
            raise ValueError("an execution starts at once")
        client = self.client()
        try:
            client.start_execution(
                stateMachineArn=self.state_machine, name=message["job_id"], input=json.dumps(dict(message))
            )
        except client.exceptions.ExecutionAlreadyExists:
            return

    def stop(self, job_id: str) -> None:
        """Stop the job's execution; harmless when it has ended or was never started."""
        client = self.client()
        execution = f"{self.state_machine.replace(':stateMachine:', ':execution:', 1)}:{job_id}"
        try:
            client.stop_execution(executionArn=execution, error="Deleted", cause="The job was deleted.")
        except (client.exceptions.ExecutionDoesNotExist, client.exceptions.ValidationException):
            return
