"""Uploads: their rows in DynamoDB, their files in S3."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from forensics.domain.upload import Upload, UploadForm
from forensics.store.ranged import BLOCK_BYTES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

# What callers upload is bytes to us: their own word on the type is neither believed nor stored.
CONTENT_TYPE = "application/octet-stream"
_GONE = ("404", "NoSuchKey")


@dataclass(frozen=True)
class DynamoUploads:
    """The UploadRows over one table: partition `tenant`, sort key `upload_id`; expired rows are gone at once for readers."""

    client: Callable[[], DynamoDBClient]
    table: str

    def create(self, upload: Upload) -> None:
        item: dict[str, Any] = {
            **_key(upload.tenant, upload.upload_id),
            "max_bytes": {"N": str(upload.max_bytes)},
            "expires_at": {"N": str(int(upload.expires_at.timestamp()))},
        }
        if upload.sha256:
            item["sha256"] = {"S": upload.sha256}
        self.client().put_item(TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(upload_id)")

    def get(self, tenant: str, upload_id: str) -> Upload | None:
        found = self.client().get_item(TableName=self.table, Key=_key(tenant, upload_id), ConsistentRead=True)
        item = found.get("Item")
        if item is None or int(item["expires_at"]["N"]) <= time.time():
            return None
        return Upload(
            tenant=tenant,
            upload_id=upload_id,
            max_bytes=int(item["max_bytes"]["N"]),
            expires_at=datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC),
            sha256=item.get("sha256", {}).get("S"),
            used_by=item.get("used_by", {}).get("S"),
        )

    def claim(self, upload: Upload, job_id: str) -> bool:
        client = self.client()
        try:
            client.update_item(
                TableName=self.table,
                Key=_key(upload.tenant, upload.upload_id),
                UpdateExpression="SET used_by = :job",
                ConditionExpression="expires_at > :now AND (attribute_not_exists(used_by) OR used_by = :job)",
                ExpressionAttributeValues={":job": {"S": job_id}, ":now": {"N": str(int(time.time()))}},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True


@dataclass(frozen=True)
class S3Uploads:
    """The UploadFiles over the media bucket."""

    client: Callable[[], S3Client]
    bucket: str

    def form(self, upload: Upload, *, seconds: int) -> UploadForm:
        """Return a presigned POST: this key, this size at most, and these bytes when their SHA-256 was declared."""
        fields = {"Content-Type": CONTENT_TYPE}
        if upload.sha256:
            digest = base64.b64encode(bytes.fromhex(upload.sha256)).decode()
            fields |= {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": digest}
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        made = self.client().generate_presigned_post(
            self.bucket,
            upload.key,
            Fields=fields,
            Conditions=[*conditions, ["content-length-range", 1, upload.max_bytes]],
            ExpiresIn=seconds,
        )
        return UploadForm(made["url"], made["fields"])

    def size(self, key: str) -> int | None:
        found = self._attributes(key)
        return None if found is None else int(found["ContentLength"])

    def head(self, key: str, *, max_bytes: int) -> bytes | None:
        return self._read(key, Range=f"bytes=0-{max_bytes - 1}")

    def get(self, key: str) -> bytes | None:
        return self._read(key)

    def sha256(self, key: str) -> str:
        """Return the hex digest that S3 verified when the file came in; where it verified none, that of the bytes."""
        attributes = self._attributes(key)
        if attributes and "ChecksumSHA256" in attributes:
            return base64.b64decode(attributes["ChecksumSHA256"]).hex()
        digest = hashlib.sha256()
        body = self.client().get_object(Bucket=self.bucket, Key=key)["Body"]
        for block in body.iter_chunks(BLOCK_BYTES):
            digest.update(block)
        return digest.hexdigest()

    def move(self, key: str, to: str) -> bool:
        client = self.client()
        try:
            client.copy_object(
                Bucket=self.bucket,
                Key=to,
                CopySource={"Bucket": self.bucket, "Key": key},
                MetadataDirective="REPLACE",
                ContentType=CONTENT_TYPE,
            )
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            return self._attributes(to) is not None  # moved before
        client.delete_object(Bucket=self.bucket, Key=key)
        return True

    def delete(self, key: str) -> None:
        self.client().delete_object(Bucket=self.bucket, Key=key)

    def _attributes(self, key: str) -> Any:
        client = self.client()
        try:
            return client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise

    def _read(self, key: str, **only: str) -> bytes | None:
        client = self.client()
        try:
            return client.get_object(Bucket=self.bucket, Key=key, **only)["Body"].read()  # type: ignore[arg-type]
        except client.exceptions.NoSuchKey:
            return None


def _key(tenant: str, upload_id: str) -> dict[str, Any]:
    return {"tenant": {"S": tenant}, "upload_id": {"S": upload_id}}
