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
    """The Timer over one queue alone, for messages that need not wait long; `scale` shrinks every delay, for tests alone."""

    sqs: Callable[[], SQSClient]
    queue_url: str
    scale: float = 1.0

    def send(self, message: Mapping[str, object], *, delay_s: float, name: str) -> None:
        self.sqs().send_message(
            QueueUrl=self.queue_url, MessageBody=json.dumps(message), DelaySeconds=math.ceil(delay_s * self.scale)
        )


@dataclass(frozen=True)
class ScheduleTimer:
    """The Timer for any delay; one that is too long for the queue is a schedule of the account's default group.

    Which of the two is decided by the delay before it is shrunk, so that tests take the way that the real thing takes.
    """

    queue: QueueTimer
    scheduler: Callable[[], EventBridgeSchedulerClient]
    now: Callable[[], datetime]
    queue_arn: str
    role_arn: str

    def send(self, message: Mapping[str, object], *, delay_s: float, name: str) -> None:
        if delay_s <= MAX_QUEUE_DELAY_S:
            self.queue.send(message, delay_s=delay_s, name=name)
            return
        client = self.scheduler()
        moment = self.now() + timedelta(seconds=math.ceil(delay_s * self.queue.scale))
        try:
            client.create_schedule(
                Name=name,
                ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={"Arn": self.queue_arn, "RoleArn": self.role_arn, "Input": json.dumps(message)},
            )
        except client.exceptions.ConflictException:
            return  # asked for before, by an attempt whose worker died after it
