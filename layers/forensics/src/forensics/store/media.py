"""Media and artefacts in S3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from forensics.store.ranged import open_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

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

    def delete_all(self, prefix: str) -> None:
        if not prefix.endswith("/"):
            raise ValueError("a prefix without its slash may name another job's files")
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            if found := page.get("Contents"):
                keys: list[ObjectIdentifierTypeDef] = [{"Key": item["Key"]} for item in found]
                self.client().delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})

    def signed_url(self, key: str) -> str:
        """Return a GET link that works for SIGNED_URL_SECONDS."""
        return self.client().generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=SIGNED_URL_SECONDS
        )
