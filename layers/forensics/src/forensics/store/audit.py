"""The audit in DynamoDB: partition `subject`, sort key `step`; a step is written once and never again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from forensics.domain.audit import AUDIT_PERIOD, AuditEntry, Step
from forensics.domain.job import timestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class DynamoAudit:
    """The AuditRows over one table; writers have the right to put and no other."""

    client: Callable[[], DynamoDBClient]
    table: str

    def add(self, entry: AuditEntry) -> bool:
        client = self.client()
        item: dict[str, Any] = {
            "subject": {"S": entry.subject},
            "step": {"S": entry.step.value},
            "tenant": {"S": entry.tenant},
            "at": {"S": timestamp(entry.at)},
            "function": {"S": entry.function},
            "expires_at": {"N": str(int((entry.at + AUDIT_PERIOD).timestamp()))},
        }
        try:
            client.put_item(TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(subject)")
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def of(self, subject: str) -> list[AuditEntry]:
        found = self.client().query(
            TableName=self.table,
            KeyConditionExpression="subject = :subject",
            ExpressionAttributeValues={":subject": {"S": subject}},
            ConsistentRead=True,
        )
        return [
            AuditEntry(
                subject=subject,
                step=Step(item["step"]["S"]),
                tenant=item["tenant"]["S"],
                at=datetime.fromisoformat(item["at"]["S"]),
                function=item["function"]["S"],
            )
            for item in found["Items"]
        ]
