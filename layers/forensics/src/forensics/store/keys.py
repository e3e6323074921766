"""API keys in DynamoDB, by the SHA-256 of the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

from forensics.domain.keys import KeyRecord


@dataclass(frozen=True)
class DynamoKeys:
    """The KeyStore over one table with partition `key_hash`."""

    client: Callable[[], DynamoDBClient]
    table: str

    def get(self, key_hash: str) -> KeyRecord | None:
        item = self.client().get_item(TableName=self.table, Key={"key_hash": {"S": key_hash}}).get("Item")
        if item is None:
            return None
        return KeyRecord(
            key_hash=key_hash,
            tenant=item["tenant"]["S"],
            plan=item["plan"]["S"],
            scopes=tuple(scope["S"] for scope in item["scopes"]["L"]),
            status=item["status"]["S"],
        )
