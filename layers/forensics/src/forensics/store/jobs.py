"""Jobs in DynamoDB: partition `tenant`, sort key `job_id`, so no query can cross tenants."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from forensics.domain.feedback import Feedback
from forensics.domain.job import RETAIN_PERIOD, DetectOptions, Job, JobStatus, timestamp
from forensics.domain.job_list import line

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
RECEIPT_PERIOD = timedelta(days=7)


class DynamoJobs:
    """The JobStore over one table; `ttl_days` after creation a row is gone, at once for readers.

    The row of a held file stays a week longer than the file, so that its receipt can be read. `writer` is the function's
    name, which every write leaves for the audit.
    """

    def __init__(self, client: Callable[[], DynamoDBClient], table: str, *, ttl_days: int, writer: str = "") -> None:
        self._client, self._table, self._ttl = client, table, timedelta(days=ttl_days)
        self._by: Item = {"S": writer}

    def create(self, job: Job) -> None:
        client, item = self._client(), self._item(job)
        try:
            client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(job_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException as refused:
            found: Item = refused.response.get("Item") or {}  # type: ignore[assignment]
            # botocore repeats a put whose answer was lost: then the row that is in the way is our own.
            if any(found.get(name) != item[name] for name in ("request_id", "created_at")):
                raise

    def get(self, tenant: str, job_id: str) -> Job | None:
        found = self._client().get_item(TableName=self._table, Key=_key(tenant, job_id), ConsistentRead=True)
        item = found.get("Item")
        # TTL deletes may lag two days behind: an expired row is already gone for readers.
        if item is None or int(item["expires_at"]["N"]) <= time.time():
            return None
        return _job(item)

    def take_in(self, job: Job) -> bool:
        client = self._client()
        try:
            client.put_item(
                TableName=self._table,
                Item=self._item(job),
                ConditionExpression="#s = :queued",
                ExpressionAttributeNames={"#s": "status"},
                ExpressionAttributeValues=_values(JobStatus.QUEUED),
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def begin(self, tenant: str, job_id: str) -> bool:
        client = self._client()
        try:
            client.update_item(
                TableName=self._table,
                Key=_key(tenant, job_id),
                UpdateExpression="SET #s = :processing, written_by = :by",
                ConditionExpression="#s IN (:queued, :processing)",
                ExpressionAttributeNames={"#s": "status"},
                ExpressionAttributeValues={**_values(JobStatus.QUEUED, JobStatus.PROCESSING), ":by": self._by},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def finish(self, job: Job) -> bool:
        client = self._client()
        try:
            client.put_item(
                TableName=self._table,
                Item=self._item(job),
                ConditionExpression="attribute_not_exists(job_id) OR NOT #s IN (:completed, :failed, :deleted)",
                ExpressionAttributeNames={"#s": "status"},
                ExpressionAttributeValues=_values(*(s for s in JobStatus if s.terminal)),
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def bury(self, job: Job) -> Job | None:
        client = self._client()
        try:
            before = client.put_item(
                TableName=self._table,
                Item=self._item(job.deleted()),  # a whole new row: whatever attribute the job had is gone
                ConditionExpression="attribute_exists(job_id) AND #s <> :deleted",
                ExpressionAttributeNames={"#s": "status"},
                ExpressionAttributeValues=_values(JobStatus.DELETED),
                ReturnValues="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return None
        return _job(before["Attributes"])

    def stamp_deleted(self, tenant: str, job_id: str, deleted_at: datetime) -> None:
        client = self._client()
        try:
            client.update_item(
                TableName=self._table,
                Key=_key(tenant, job_id),
                UpdateExpression="SET media_deleted_at = :at, written_by = :by",
                ConditionExpression="attribute_exists(job_id) AND attribute_not_exists(media_deleted_at)",
                ExpressionAttributeValues={":at": {"S": timestamp(deleted_at)}, ":by": self._by},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return  # stamped before, or the job is gone: the first receipt stands

    def leave_feedback(self, tenant: str, job_id: str, key_id: str, feedback: Feedback) -> bool | None:
        client = self._client()
        told = {"label": feedback.label.value, "comment": feedback.comment, "given_at": timestamp(feedback.given_at)}
        try:
            written = client.update_item(
                TableName=self._table,
                Key=_key(tenant, job_id),
                UpdateExpression="SET #feedback = :told",
                ConditionExpression="#s = :completed AND expires_at > :now",
                ExpressionAttributeNames={"#s": "status", "#feedback": f"feedback:{key_id}"},
                ExpressionAttributeValues={
                    **_values(JobStatus.COMPLETED),
                    ":told": {"S": json.dumps(told)},
                    ":now": {"N": str(int(time.time()))},
                },
                ReturnValues="UPDATED_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return None
        return not written.get("Attributes")

    def _item(self, job: Job) -> Item:
        kept = max(self._ttl, RETAIN_PERIOD + RECEIPT_PERIOD) if job.options.retain else self._ttl
        item: Item = {
            **_key(job.tenant, job.job_id),
            "status": {"S": job.status.value},
            "media_type": {"S": job.media_type},
            "options": {"S": json.dumps(asdict(job.options))},
            "request_id": {"S": job.request_id},
            "created_at": {"S": job.created_at.isoformat()},
            "document": {"S": json.dumps(job.document)},
            "line": {"S": json.dumps(line(job))},  # what a list of jobs reads, of all this
            "expires_at": {"N": str(int((job.created_at + kept).timestamp()))},
            "written_by": self._by,
        }
        artifacts = json.dumps(job.artifact_keys) if job.artifact_keys else None
        optional = {
            "media_key": job.media_key,
            "artifact_keys": artifacts,
            "batch": job.batch_id,
            "source": job.source,
            "door": job.door,
        }
        return item | {name: {"S": value} for name, value in optional.items() if value}


def _key(tenant: str, job_id: str) -> Item:
    return {"tenant": {"S": tenant}, "job_id": {"S": job_id}}


def _values(*statuses: JobStatus) -> Item:
    return {f":{status.value}": {"S": status.value} for status in statuses}


def _job(item: Mapping[str, Any]) -> Job:
    document = json.loads(item["document"]["S"])
    if "media_deleted_at" in item and "retention" in document:
        document["retention"]["deleted_at"] = item["media_deleted_at"]["S"]
    status = JobStatus(item["status"]["S"])
    if not status.terminal:
        document["status"] = status.value  # `begin` changes the row alone
    return Job(
        tenant=item["tenant"]["S"],
        job_id=item["job_id"]["S"],
        status=status,
        media_type=item["media_type"]["S"],
        options=DetectOptions(**json.loads(item["options"]["S"])),
        request_id=item["request_id"]["S"],
        created_at=datetime.fromisoformat(item["created_at"]["S"]),
        media_key=item.get("media_key", {}).get("S"),
        artifact_keys=json.loads(item.get("artifact_keys", {}).get("S", "{}")),
        document=document,
        batch_id=item.get("batch", {}).get("S"),
        source=item.get("source", {}).get("S", ""),
        door=item.get("door", {}).get("S", ""),
    )
