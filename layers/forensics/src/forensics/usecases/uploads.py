"""Uploads: a form to put a file into the bucket with, and the one detection that takes the file from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from forensics.domain.errors import PayloadTooLarge, UploadIncomplete, UploadNotFound, UploadUsed
from forensics.domain.upload import UPLOAD_PERIOD, Upload, UploadForm
from forensics.media.sniff import expect, telling_head
from forensics.usecases.ports import Clock, Queue

SWEEP_HOP_S = 900  # the longest delay of SQS
NOT_FOUND = "There is no such upload: it expired, was never made, or belongs to somebody else."
NOTHING_THERE = "Nothing has been uploaded yet: post the file with the form of the answer that made the upload."


class UploadRows(Protocol):
    """Uploads by tenant and id; another tenant's and an expired one do not exist."""

    def create(self, upload: Upload) -> None: ...

    def get(self, tenant: str, upload_id: str) -> Upload | None: ...

    def claim(self, upload: Upload, job_id: str) -> bool:
        """Give the upload to a job exactly once; True again for the same job, False when it expired or another has it."""
        ...


class UploadFiles(Protocol):
    """The uploaded objects by key."""

    def form(self, upload: Upload, *, seconds: int) -> UploadForm: ...

    def size(self, key: str) -> int | None: ...

    def head(self, key: str, *, max_bytes: int) -> bytes | None: ...

    def get(self, key: str) -> bytes | None: ...

    def sha256(self, key: str) -> str: ...

    def move(self, key: str, to: str) -> bool:
        """Copy within the bucket, then delete; harmless when it was done before. False when there is nothing to move."""
        ...

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class NewUpload:
    upload: Upload
    form: UploadForm


@dataclass(frozen=True)
class CreateUpload:
    """Makes an upload; `max_bytes` is the largest file by medium."""

    rows: UploadRows
    files: UploadFiles
    sweeps: Queue
    clock: Clock
    max_bytes: Mapping[str, int]

    def __call__(self, tenant: str, *, medium: str | None, size: int, sha256: str | None = None) -> NewUpload:
        """Return the upload and its form; `medium` None leaves room for the largest. Raises PayloadTooLarge."""
        most = self.max_bytes[medium] if medium else max(self.max_bytes.values())
        if size > most:
            raise PayloadTooLarge(f"Such a file may have at most {most} bytes.")
        expires_at = self.clock.now() + UPLOAD_PERIOD
        upload = Upload(tenant, self.clock.new_id("upload"), most, expires_at, sha256)
        self.rows.create(upload)
        self.sweeps.send({"tenant": tenant, "sweep": upload.key, "hops": 1}, delay_s=SWEEP_HOP_S)
        return NewUpload(upload, self.files.form(upload, seconds=int(UPLOAD_PERIOD.total_seconds())))


@dataclass(frozen=True)
class SweepUpload:
    """Deletes what an upload left behind, half an hour after it was made: its time is up then, and no file is still on its way."""

    files: UploadFiles
    sweeps: Queue

    def __call__(self, message: Mapping[str, object]) -> None:
        hops = int(str(message["hops"]))
        if hops > 0:
            self.sweeps.send({**message, "hops": hops - 1}, delay_s=SWEEP_HOP_S)
        else:
            self.files.delete(str(message["sweep"]))


@dataclass(frozen=True)
class TakeUpload:
    """Takes an uploaded file for one detection."""

    rows: UploadRows
    files: UploadFiles

    def head(self, tenant: str, upload_id: str) -> bytes:
        """Return as many of the first bytes as tell the kind; raises UploadNotFound or UploadIncomplete."""
        return self._head(self._found(tenant, upload_id))

    def check(self, tenant: str, upload_id: str, *, medium: str, max_bytes: int) -> Upload:
        """Return an upload whose file is whole, not too large and of the medium; nothing is used up by asking.

        Raises UploadNotFound, UploadUsed, UploadIncomplete, PayloadTooLarge and what `expect` raises.
        """
        upload = self._found(tenant, upload_id)
        size = self.files.size(upload.key)
        if size is None:
            raise UploadIncomplete(NOTHING_THERE)
        if size > max_bytes:
            raise PayloadTooLarge(f"A file of this medium may have at most {max_bytes} bytes.")
        if upload.sha256 and self.files.sha256(upload.key) != upload.sha256:
            raise UploadIncomplete("The uploaded bytes are not those whose SHA-256 was declared.")
        expect(self._head(upload), medium=medium)
        return upload

    def claimed(self, tenant: str, upload_id: str, job_id: str) -> Upload | None:
        """Return the upload when an earlier attempt of the same job has claimed it: its file may be on its way already."""
        upload = self.rows.get(tenant, upload_id)
        return upload if upload is not None and upload.used_by == job_id else None

    def claim(self, upload: Upload, job_id: str) -> None:
        """Give the upload to the job; raises UploadUsed when another was first."""
        if not self.rows.claim(upload, job_id):
            raise UploadUsed("Another detection has taken this upload. Each serves one: upload the file again.")

    def take(self, upload: Upload) -> bytes:
        """Return the whole file, which is in nobody's hands but the caller's from then on."""
        data = self.files.get(upload.key)
        if data is None:  # it was there when it was claimed
            raise UploadUsed("An attempt before took the file and did not finish. Upload it again.")
        self.files.delete(upload.key)
        return data

    def move(self, upload: Upload, key: str) -> None:
        """Put the file where a job's media lies, without reading it."""
        if not self.files.move(upload.key, key):
            raise UploadIncomplete(NOTHING_THERE)

    def _head(self, upload: Upload) -> bytes:
        def first(most: int) -> bytes:
            head = self.files.head(upload.key, max_bytes=most)
            if head is None:
                raise UploadIncomplete(NOTHING_THERE)
            return head

        return telling_head(first)

    def _found(self, tenant: str, upload_id: str) -> Upload:
        upload = self.rows.get(tenant, upload_id)
        if upload is None:
            raise UploadNotFound(NOT_FOUND)
        return upload
