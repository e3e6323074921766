"""Idempotency records in DynamoDB: one row per tenant, route and key, changed by conditional writes alone."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forensics.domain.idempotency import REMEMBERED_FOR, Answer, Record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
MINE = "holder = :holder AND attribute_not_exists(answered)"
MAX_BODY_BYTES = 350_000  # deflated; a row may have 400 kB


@dataclass(frozen=True)
class DynamoRecords:
    """The Records over one table with partition `record_id`; a row counts for 24 hours from its first attempt."""

    client: Callable[[], DynamoDBClient]
    table: str

    def begin(self, record: Record, *, now_ms: int) -> Record | None:
        client = self.client()
        row: Item = {
            **_key(record.record_id),
            "fingerprint": {"S": record.fingerprint},
            "holder": {"S": record.holder},
            "locked_until_ms": _n(record.locked_until_ms),
            "job_id": {"S": record.job_id},
            "expires_at": _n(now_ms // 1000 + int(REMEMBERED_FOR.total_seconds())),
        }
        try:
            client.put_item(
                TableName=self.table,
                Item=row,
                # TTL deletes may lag two days behind: an expired row does not count.
                ConditionExpression="attribute_not_exists(record_id) OR expires_at <= :now",
                ExpressionAttributeValues={":now": _n(now_ms // 1000)},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException as refused:
            found: Item = refused.response["Item"]  # type: ignore[typeddict-item]
            # botocore repeats a put whose answer was lost: then the row that is in the way is our own.
            return None if found["holder"]["S"] == record.holder else _record(found)
        return None

    def take_over(self, record: Record, *, holder: str, locked_until_ms: int) -> bool:
        changes = {":new": {"S": holder}, ":until": _n(locked_until_ms)}
        return self._change(record.record_id, record.holder, "SET holder = :new, locked_until_ms = :until", changes)

    def keep(self, record_id: str, holder: str, answer: Answer) -> None:
        values: Item = {
            ":status": _n(answer.status),
            ":headers": {"S": json.dumps(dict(answer.headers))},
        }
        changes = "SET answered = :status, headers = :headers"
        if answer.body is not None:
            values |= {":body": {"B": zlib.compress(answer.body)}, ":sealed": {"BOOL": answer.sealed}}
            changes += ", body = :body, sealed = :sealed"
            if len(values[":body"]["B"]) > MAX_BODY_BYTES:
                return self.let_go(record_id, holder)  # no answer of ours is near that
        if answer.job_id is not None:
            values[":job"] = {"S": answer.job_id}
            changes += ", answers_job = :job"
        self._change(record_id, holder, changes, values)
        return None

    def let_go(self, record_id: str, holder: str) -> None:
        self._change(record_id, holder, "SET locked_until_ms = :never", {":never": _n(0)})

    def _change(self, record_id: str, holder: str, changes: str, values: Item) -> bool:
        client = self.client()
        try:
            client.update_item(
                TableName=self.table,
                Key=_key(record_id),
                UpdateExpression=changes,
                ConditionExpression=MINE,
                ExpressionAttributeValues={**values, ":holder": {"S": holder}},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(record_id: str) -> Item:
    return {"record_id": {"S": record_id}}


def _n(value: int) -> Item:
    return {"N": str(value)}


def _record(row: Mapping[str, Any]) -> Record:
    return Record(
        record_id=row["record_id"]["S"],
        fingerprint=row["fingerprint"]["S"],
        holder=row["holder"]["S"],
        locked_until_ms=int(row["locked_until_ms"]["N"]),
        job_id=row["job_id"]["S"],
        answer=_answer(row) if "answered" in row else None,
    )


def _answer(row: Mapping[str, Any]) -> Answer:
    deflated = row.get("body", {}).get("B")
    return Answer(
        status=int(row["answered"]["N"]),
        headers=json.loads(row["headers"]["S"]),
        body=None if deflated is None else zlib.decompress(deflated),
        job_id=row.get("answers_job", {}).get("S"),
        sealed=row.get("sealed", {}).get("BOOL", False),
    )
