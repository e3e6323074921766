"""The charges of an hour, so that those whose job never came to be can be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "charged"  # of the table of counters: held charges by hour
SHARDS = 8  # of an hour, so that no partition of the index takes all writes of a busy one
CHARGE = "charge#"
TENANT = "tenant#"


def charged_in(at: datetime, job_id: str) -> str:
    """Return the partition of the index that a charge made then belongs to."""
    return _partition(at, crc32(job_id.encode()) % SHARDS)


@dataclass(frozen=True)
class HeldCharges:
    """Charges over the index; what was given back is not in it."""

    client: Callable[[], DynamoDBClient]
    table: str

    def of_hour(self, at: datetime) -> Iterator[tuple[str, str]]:
        """Yield tenant and job id of each charge made in that hour."""
        for shard in range(SHARDS):
            pages = (
                self.client()
                .get_paginator("query")
                .paginate(
                    TableName=self.table,
                    IndexName=INDEX,
                    KeyConditionExpression="charged = :partition",
                    ExpressionAttributeValues={":partition": {"S": _partition(at, shard)}},
                )
            )
            for row in (row for page in pages for row in page["Items"]):
                yield row["owner"]["S"].removeprefix(TENANT), row["entry"]["S"].removeprefix(CHARGE)


def _partition(at: datetime, shard: int) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}#{shard}"
