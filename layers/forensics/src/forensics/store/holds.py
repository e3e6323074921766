"""One-time schedules of EventBridge Scheduler: the ends of holds, to the second, weeks ahead."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient


@dataclass(frozen=True)
class HoldSchedules:
    """Sends messages to one queue as `role_arn`; a schedule is gone when it has fired."""

    client: Callable[[], EventBridgeSchedulerClient]
    queue_arn: str
    role_arn: str

    def set(self, name: str, message: Mapping[str, object], *, at: datetime) -> None:
        client = self.client()
        try:
            client.create_schedule(
                Name=name,
                ScheduleExpression=f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={"Arn": self.queue_arn, "RoleArn": self.role_arn, "Input": json.dumps(message)},
            )
        except client.exceptions.ConflictException:
            return  # asked for before

    def cancel(self, name: str) -> None:
        client = self.client()
        try:
            client.delete_schedule(Name=name)
        except client.exceptions.ResourceNotFoundException:
            return
