"""An upload: a file that a caller puts into the bucket itself, to be detected once, soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

UPLOAD_PERIOD = timedelta(minutes=15)  # in which the file is put and the detection asked for


@dataclass(frozen=True)
class Upload:
    """What is known of an upload: nothing of the file's name; `sha256` is the hex digest that was declared, if any."""

    tenant: str
    upload_id: str
    max_bytes: int
    expires_at: datetime
    sha256: str | None = None
    used_by: str | None = None  # the one job that it serves

    @property
    def key(self) -> str:
        """The S3 key; the prefix carries the lifecycle rule."""
        return upload_key(self.tenant, self.upload_id)


def upload_key(tenant: str, upload_id: str) -> str:
    return f"uploads/{tenant}/{upload_id}"


@dataclass(frozen=True)
class UploadForm:
    """Where to post the file as multipart/form-data, and the fields that go before it."""

    url: str
    fields: Mapping[str, str]
