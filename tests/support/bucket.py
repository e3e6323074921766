"""What a deployed local cloud keeps of its callers' files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud


@dataclass(frozen=True)
class Bucket:
    """The media bucket, seen with root's credentials."""

    cloud: LocalCloud

    def objects(self, *, job: str) -> dict[str, bytes]:
        """Return every object whose key holds the job's id."""
        s3 = session().client("s3", endpoint_url=self.cloud.emulator.endpoint, config=CONFIG)
        name = self.cloud.outputs["MediaBucketName"]
        keys = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name) for o in _contents(page)]
        return {key: s3.get_object(Bucket=name, Key=key)["Body"].read() for key in keys if job in key}


def _contents(page: Any) -> list[Any]:
    return list(page.get("Contents", []))
