"""Files that other systems drop into the bucket, each taken by the one job that its notification makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forensics.domain.intake import Drop
from forensics.store.uploads import CONTENT_TYPE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = ("404", "NoSuchKey")
_REPLACED = ("412", "PreconditionFailed")


@dataclass(frozen=True)
class S3Drops:
    """The DroppedFiles over the media bucket; conditions on the ETag keep one job's hands off the next file of the same name."""

    client: Callable[[], S3Client]
    bucket: str

    def move(self, drop: Drop, to: str) -> bool:
        client = self.client()
        only = {"CopySourceIfMatch": drop.etag} if drop.etag else {}
        try:
            client.copy_object(
                Bucket=self.bucket,
                Key=to,
                CopySource={"Bucket": self.bucket, "Key": drop.key},
                MetadataDirective="REPLACE",
                ContentType=CONTENT_TYPE,
                **only,  # type: ignore[arg-type]
            )
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in (*_GONE, *_REPLACED):
                raise
            return self._there(to)  # moved before
        self.delete(drop)
        return True

    def delete(self, drop: Drop) -> None:
        client = self.client()
        only = {"IfMatch": drop.etag} if drop.etag else {}
        try:
            client.delete_object(Bucket=self.bucket, Key=drop.key, **only)  # type: ignore[arg-type]
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in (*_GONE, *_REPLACED):
                raise

    def _there(self, key: str) -> bool:
        client = self.client()
        try:
            client.head_object(Bucket=self.bucket, Key=key)
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return False
            raise
        return True
