"""Batches in DynamoDB: partition `tenant`, sort key `batch_id`; the table's stream tells of the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from forensics.domain.batch import Batch, completed_batch
from forensics.domain.job import JobStatus, timestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ENDS = tuple(status for status in JobStatus if status.terminal)
_KEYS_AT_ONCE = 100  # BatchGetItem's limit


@dataclass(frozen=True)
class DynamoBatches:
    """The BatchRows over one table; `ttl_days` after its creation a batch is gone, as its jobs are."""

    client: Callable[[], DynamoDBClient]
    table: str
    ttl_days: int

    def create(self, batch: Batch) -> None:
        client = self.client()
        expires_at = int((batch.created_at + timedelta(days=self.ttl_days)).timestamp())
        try:
            client.put_item(
                TableName=self.table,
                Item={
                    **_key(batch.tenant, batch.batch_id),
                    "status": {"S": "processing"},
                    "jobs": {"S": json.dumps(batch.job_ids)},
                    "total": {"N": str(len(batch.job_ids))},
                    "created_at": {"S": batch.created_at.isoformat()},
                    "expires_at": {"N": str(expires_at)},
                },
                ConditionExpression="attribute_not_exists(batch_id)",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return  # an attempt before made it

    def accept(self, tenant: str, batch_id: str) -> bool:
        client = self.client()
        try:
            client.update_item(
                TableName=self.table,
                Key=_key(tenant, batch_id),
                UpdateExpression="SET accepted = :yes",
                ConditionExpression="attribute_exists(batch_id)",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def forget(self, tenant: str, batch_id: str) -> bool:
        client = self.client()
        unaccepted = "attribute_not_exists(accepted)"
        try:
            client.delete_item(TableName=self.table, Key=_key(tenant, batch_id), ConditionExpression=unaccepted)
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def get(self, tenant: str, batch_id: str) -> Batch | None:
        found = self.client().get_item(TableName=self.table, Key=_key(tenant, batch_id), ConsistentRead=True)
        item = found.get("Item")
        if item is None or int(item["expires_at"]["N"]) <= time.time():
            return None
        return Batch(
            tenant=tenant,
            batch_id=batch_id,
            job_ids=tuple(json.loads(item["jobs"]["S"])),
            created_at=datetime.fromisoformat(item["created_at"]["S"]),
            completed_at=item.get("completed_at", {}).get("S"),
            accepted="accepted" in item,
        )

    def end_job(self, tenant: str, batch_id: str, job_id: str, status: JobStatus) -> None:
        """The ids are kept in sets, so that an end that is told twice is counted once."""
        client = self.client()
        try:
            told = client.update_item(
                TableName=self.table,
                Key=_key(tenant, batch_id),
                UpdateExpression="ADD #ended :job",
                ConditionExpression="attribute_exists(batch_id)",
                ExpressionAttributeNames={"#ended": f"{status.value}_jobs"},
                ExpressionAttributeValues={":job": {"SS": [job_id]}},
                ReturnValues="ALL_NEW",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return  # its time is over
        sets = {end.value: set(told["Attributes"].get(f"{end.value}_jobs", {}).get("SS", [])) for end in _ENDS}
        # A job may be in two of them, when it was deleted before all ends were counted once more.
        if len(set().union(*sets.values())) == int(told["Attributes"]["total"]["N"]):
            self._complete(tenant, batch_id, {end: len(jobs) for end, jobs in sets.items()}, told["Attributes"])

    def _complete(self, tenant: str, batch_id: str, ended: Mapping[str, int], row: Mapping[str, Any]) -> None:
        client, now = self.client(), timestamp(datetime.now(UTC))
        created = timestamp(datetime.fromisoformat(row["created_at"]["S"]))
        document = completed_batch(batch_id, ended, created_at=created, completed_at=now)
        try:
            client.update_item(
                TableName=self.table,
                Key=_key(tenant, batch_id),
                UpdateExpression="SET #s = :completed, completed_at = :now, #document = :document",
                ConditionExpression="#s = :processing",
                ExpressionAttributeNames={"#s": "status", "#document": "document"},
                ExpressionAttributeValues={
                    ":completed": {"S": "completed"},
                    ":processing": {"S": "processing"},
                    ":now": {"S": now},
                    ":document": {"S": json.dumps(document)},
                },
            )
        except client.exceptions.ConditionalCheckFailedException:
            return  # completed before: the first time stands


@dataclass(frozen=True)
class DynamoJobLines:
    """The lines of named jobs, from the job table itself; what is expired is left out."""

    client: Callable[[], DynamoDBClient]
    table: str

    def __call__(self, tenant: str, job_ids: Sequence[str]) -> list[Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(job_ids), _KEYS_AT_ONCE):
            keys = [{"tenant": {"S": tenant}, "job_id": {"S": job}} for job in job_ids[start : start + _KEYS_AT_ONCE]]
            found |= self._read(keys)
        return [found[job] for job in job_ids if job in found]

    def _read(self, keys: list[Any]) -> dict[str, Mapping[str, Any]]:
        wanted: Any = {self.table: {"Keys": keys, **_LINE_ALONE}}
        found: dict[str, Mapping[str, Any]] = {}
        while wanted:
            answer = self.client().batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(self.table, []):
                if int(item["expires_at"]["N"]) > time.time():
                    found[item["job_id"]["S"]] = {**json.loads(item["line"]["S"]), "status": item["status"]["S"]}
            wanted = answer.get("UnprocessedKeys")
        return found


_LINE_ALONE = {
    "ProjectionExpression": "job_id, #s, #line, expires_at",
    "ExpressionAttributeNames": {"#s": "status", "#line": "line"},
    "ConsistentRead": True,
}


def _key(tenant: str, batch_id: str) -> dict[str, Any]:
    return {"tenant": {"S": tenant}, "batch_id": {"S": batch_id}}
