"""A tenant's jobs by age: the index `newest`, whose entries hold a line for the list and not the whole answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from forensics.domain.job_list import LISTED, JobFilter, JobPage, Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "newest"
READ_AT_ONCE = 200  # entries; a filter leaves fewer
MOST_READS = 10  # then the page ends where it is: a rare status must not walk a month of jobs in one call


@dataclass(frozen=True)
class DynamoJobList:
    """Pages of the job table's index; deleted and expired jobs are left out, and the latest may appear a moment late."""

    client: Callable[[], DynamoDBClient]
    table: str

    def __call__(self, asked: JobFilter, *, limit: int, after: Position | None = None) -> JobPage:
        lines: list[Mapping[str, Any]] = []
        position = after
        for _ in range(MOST_READS):
            found = self._read(asked, position)
            for item in found["Items"]:
                if len(lines) == limit:
                    return JobPage(tuple(lines), position)
                lines.append(_line(item))
                position = _position(item)
            if (last := found.get("LastEvaluatedKey")) is None:
                return JobPage(tuple(lines), None)
            position = _position(last)
        return JobPage(tuple(lines), position)

    def _read(self, asked: JobFilter, after: Position | None) -> Any:
        names, values = {"#s": "status"}, _values(asked)
        key = "tenant = :tenant"
        if asked.created_after is not None:
            key += " AND created_at > :after"
        statuses = ", ".join(name for name in values if name.startswith(":status_"))
        kept = f"#s IN ({statuses}) AND expires_at > :now"
        if asked.media_type is not None:
            kept += " AND media_type = :media_type"
        start: Any = {"ExclusiveStartKey": _start(asked.tenant, after)} if after else {}
        return self.client().query(
            TableName=self.table,
            IndexName=INDEX,
            KeyConditionExpression=key,
            FilterExpression=kept,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            Limit=READ_AT_ONCE,
            **start,
        )


def _values(asked: JobFilter) -> dict[str, Any]:
    statuses = LISTED if asked.status is None else (asked.status,)
    values: dict[str, Any] = {":tenant": {"S": asked.tenant}, ":now": {"N": str(int(time.time()))}}
    values |= {f":status_{status.value}": {"S": status.value} for status in statuses}
    if asked.created_after is not None:
        values[":after"] = {"S": asked.created_after.astimezone(UTC).isoformat()}
    if asked.media_type is not None:
        values[":media_type"] = {"S": asked.media_type}
    return values


def _line(item: Mapping[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(item["line"]["S"])
    return {**line, "status": item["status"]["S"]}  # a job that begins changes its status alone


def _position(item: Mapping[str, Any]) -> Position:
    return Position(item["created_at"]["S"], item["job_id"]["S"])


def _start(tenant: str, after: Position) -> dict[str, Any]:
    return {"tenant": {"S": tenant}, "created_at": {"S": after.created_at}, "job_id": {"S": after.job_id}}
