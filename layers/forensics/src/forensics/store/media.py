"""Media and artefacts in S3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from forensics.store.ranged import open_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIGNED_URL_SECONDS = 900


@dataclass(frozen=True)
class S3Media:
    """The MediaStore over one bucket; encryption and lifecycle are the bucket's own settings."""

    client: Callable[[], S3Client]
    bucket: str

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        self.client().put_object(Bucket=self.bucket, Key=key, Body=data, ContentType=content_type)

    def get(self, key: str) -> bytes | None:
        client = self.client()
        try:
            return client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None

    def open(self, key: str) -> BinaryIO:
        """Return the object as a seekable file that fetches what is read; raises MediaFetchFailed when it is gone."""
        return open_object(self.client(), bucket=self.bucket, key=key)

    def delete(self, key: str) -> None:
        self.client().delete_object(Bucket=self.bucket, Key=key)

    def signed_url(self, key: str) -> str:
        """Return a GET link that works for SIGNED_URL_SECONDS."""
        return self.client().generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=SIGNED_URL_SECONDS
        )
