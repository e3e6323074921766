"""The bucket as the sweeper sees it: every object by key and age."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class S3Objects:
    client: Callable[[], S3Client]
    bucket: str

    def under(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield key and time of the last write of every object under the prefix."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            yield from ((found["Key"], found["LastModified"]) for found in page.get("Contents", []))
