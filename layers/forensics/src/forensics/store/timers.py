"""Messages for later: SQS holds them for up to a quarter of an hour, EventBridge Scheduler for days."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sqs import SQSClient

MAX_QUEUE_DELAY_S = 900  # what SQS can hold a message back


@dataclass(frozen=True)
class QueueTimer:
    """The Timer over one queue and the account's default schedule group.

    `scale` shrinks every delay, for tests alone; what would need a schedule at full length takes one at any scale.
    """

    sqs: Callable[[], SQSClient]
    scheduler: Callable[[], EventBridgeSchedulerClient]
    now: Callable[[], datetime]
    queue_url: str
    queue_arn: str
    role_arn: str
    scale: float = 1.0

    def send(self, message: Mapping[str, object], *, delay_s: float, name: str) -> None:
        body = json.dumps(dict(message))
        wait_s = math.ceil(delay_s * self.scale)
        if delay_s <= MAX_QUEUE_DELAY_S:
            self.sqs().send_message(QueueUrl=self.queue_url, MessageBody=body, DelaySeconds=wait_s)
            return
        client = self.scheduler()
        moment = (self.now() + timedelta(seconds=wait_s)).strftime("%Y-%m-%dT%H:%M:%S")
        try:
            client.create_schedule(
                Name=name,
                ScheduleExpression=f"at({moment})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={"Arn": self.queue_arn, "RoleArn": self.role_arn, "Input": body},
            )
        except client.exceptions.ConflictException:
            return  # asked for before, by an attempt whose worker died after it
