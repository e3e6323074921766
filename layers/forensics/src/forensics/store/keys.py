"""API keys in DynamoDB, by the SHA-256 of the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forensics.domain.keys import KeyRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
_TEXTS = ("shown", "name", "created_at")
_NUMBERS = ("expires_at", "per_minute", "per_month")


@dataclass(frozen=True)
class DynamoKeys:
    """Finds keys for the authorizer and keeps them for administrators, in one table with partition `key_hash`."""

    client: Callable[[], DynamoDBClient]
    table: str

    def get(self, key_hash: str) -> KeyRecord | None:
        # Consistent, so that a key which was just revoked is not let in for another minute of the gateway's cache.
        found = self.client().get_item(TableName=self.table, Key={"key_hash": {"S": key_hash}}, ConsistentRead=True)
        item = found.get("Item")
        return None if item is None else _record(item)

    def add(self, record: KeyRecord) -> None:
        """Store a new key; one that exists is never overwritten."""
        item: Item = {
            "key_hash": {"S": record.key_hash},
            "tenant": {"S": record.tenant},
            "plan": {"S": record.plan},
            "scopes": {"L": [{"S": scope} for scope in record.scopes]},
            "status": {"S": record.status},
            "live": {"BOOL": record.live},
        }
        item |= {name: {"S": value} for name in _TEXTS if (value := getattr(record, name))}
        item |= {name: {"N": str(value)} for name in _NUMBERS if (value := getattr(record, name)) is not None}
        self.client().put_item(TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(key_hash)")

    def change(self, record: KeyRecord) -> None:
        """Store status and end of a key that exists."""
        values: Item = {":status": {"S": record.status}}
        changes = "SET #status = :status"
        if record.expires_at is not None:
            values[":expires"] = {"N": str(record.expires_at)}
            changes += ", expires_at = :expires"
        self.client().update_item(
            TableName=self.table,
            Key={"key_hash": {"S": record.key_hash}},
            UpdateExpression=changes,
            ConditionExpression="attribute_exists(key_hash)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=values,
        )

    def of(self, tenant: str) -> list[KeyRecord]:
        """Return a tenant's keys; one that was just changed may still be told as it was before."""
        pages = (
            self.client()
            .get_paginator("query")
            .paginate(
                TableName=self.table,
                IndexName="tenant",
                KeyConditionExpression="tenant = :tenant",
                ExpressionAttributeValues={":tenant": {"S": tenant}},
            )
        )
        return [_record(item) for page in pages for item in page["Items"]]

    def all(self) -> list[KeyRecord]:
        """Return every key: for administrators alone, who ask rarely, so no index is kept up for it."""
        pages = self.client().get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [_record(item) for page in pages for item in page["Items"]]


def _record(item: Mapping[str, Any]) -> KeyRecord:
    return KeyRecord(
        key_hash=item["key_hash"]["S"],
        tenant=item["tenant"]["S"],
        plan=item["plan"]["S"],
        scopes=tuple(scope["S"] for scope in item["scopes"]["L"]),
        status=item["status"]["S"],
        live=item.get("live", {}).get("BOOL", True),
        expires_at=_number(item, "expires_at"),
        per_minute=_number(item, "per_minute"),
        per_month=_number(item, "per_month"),
        shown=item.get("shown", {}).get("S", ""),
        name=item.get("name", {}).get("S", ""),
        created_at=item.get("created_at", {}).get("S", ""),
    )


def _number(item: Mapping[str, Any], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
