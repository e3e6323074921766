"""Uploads in memory, with the rules of the real ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from forensics.domain.upload import Upload, UploadForm
from forensics.usecases.ports import Clock
from forensics.usecases.uploads import TakeUpload
from tests.support.fakes import FakeClock, FakeMedia


@dataclass
class FakeUploadRows:
    clock: Clock = field(default_factory=FakeClock)
    rows: dict[tuple[str, str], Upload] = field(default_factory=dict)

    def create(self, upload: Upload) -> None:
        assert (upload.tenant, upload.upload_id) not in self.rows
        self.rows[upload.tenant, upload.upload_id] = upload

    def get(self, tenant: str, upload_id: str) -> Upload | None:
        upload = self.rows.get((tenant, upload_id))
        return None if upload is None or self._now() >= upload.expires_at else upload

    def claim(self, upload: Upload, job_id: str) -> bool:
        stored = self.get(upload.tenant, upload.upload_id)
        if stored is None or stored.used_by not in (None, job_id):
            return False
        self.rows[upload.tenant, upload.upload_id] = replace(stored, used_by=job_id)
        return True

    def _now(self) -> datetime:
        return self.clock.now()


@dataclass
class FakeUploadFiles:
    media: FakeMedia

    def form(self, upload: Upload, *, seconds: int) -> UploadForm:
        fields: Mapping[str, str] = {"key": upload.key, "seconds": str(seconds)}
        return UploadForm("https://bucket.example", fields)

    def size(self, key: str) -> int | None:
        return len(self.media.objects[key]) if key in self.media.objects else None

    def head(self, key: str, *, max_bytes: int) -> bytes | None:
        return self.media.objects[key][:max_bytes] if key in self.media.objects else None

    def get(self, key: str) -> bytes | None:
        return self.media.get(key)

    def sha256(self, key: str) -> str:
        return hashlib.sha256(self.media.objects[key]).hexdigest()

    def move(self, key: str, to: str) -> bool:
        if key in self.media.objects:
            self.media.objects[to] = self.media.objects.pop(key)
        return to in self.media.objects

    def delete(self, key: str) -> None:
        self.media.delete(key)


def no_uploads(media: FakeMedia | None = None) -> TakeUpload:
    """What a use case gets whose test sends no upload."""
    return TakeUpload(FakeUploadRows(), FakeUploadFiles(media or FakeMedia()))
