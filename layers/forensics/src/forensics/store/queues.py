"""SQS: messages are small JSON objects of ids, never media."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class SqsQueue:
    client: Callable[[], SQSClient]
    url: str

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        self.client().send_message(QueueUrl=self.url, MessageBody=json.dumps(message), DelaySeconds=delay_s)
