"""The intake's queue and its dead letters: a message is given up at once, and sent again by an administrator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forensics.domain.intake import Delivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

FIRST_ID = "first-id"  # the message attribute that keeps an identity over a redrive
RECEIVED = 10  # messages at most in one call
HELD_S = 60  # that a received message is out of sight


@dataclass(frozen=True)
class IntakeQueue:
    client: Callable[[], SQSClient]
    url: str

    def hand_back(self, receipt: str, *, after_s: int) -> None:
        """Let the message come again in `after_s` seconds, whatever the queue's own timeout."""
        self.client().change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=after_s)


@dataclass(frozen=True)
class DeadLetters:
    """Moves what lies in `dead_url` back to `url`.

    SQS's own StartMessageMoveTask would give every message a new id: one that was half taken in would make a second job.
    """

    client: Callable[[], SQSClient]
    url: str
    dead_url: str

    def redrive(self, *, most: int) -> Iterator[Delivery]:
        """Send up to `most` of the messages that are there now again, and yield each once it is safe in its queue.

        A message is deleted when it was sent: a crash in between leaves it in both, with one identity.
        """
        began_ms, left = time.time() * 1000, most
        while left > 0 and (found := self._received(min(left, RECEIVED))):
            for message in found:
                if int(message["Attributes"]["SentTimestamp"]) > began_ms:  # sent again, and here again already
                    return
                yield self._moved(message)
                left -= 1

    def _received(self, count: int) -> list[MessageTypeDef]:
        answer = self.client().receive_message(
            QueueUrl=self.dead_url,
            MaxNumberOfMessages=count,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=[FIRST_ID],
            VisibilityTimeout=HELD_S,
            WaitTimeSeconds=1,
        )
        return answer.get("Messages", [])

    def _moved(self, message: MessageTypeDef) -> Delivery:
        told = message.get("MessageAttributes", {})
        first = told[FIRST_ID]["StringValue"] if FIRST_ID in told else message["MessageId"]
        self.client().send_message(
            QueueUrl=self.url,
            MessageBody=message["Body"],
            MessageAttributes={FIRST_ID: {"DataType": "String", "StringValue": first}},
        )
        self.client().delete_message(QueueUrl=self.dead_url, ReceiptHandle=message["ReceiptHandle"])
        return Delivery(message["MessageId"], message["Body"], first_id=first)
