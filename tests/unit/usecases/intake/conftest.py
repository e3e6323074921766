"""The intake over fakes: what other systems say is told to it, and its jobs, bill and files are looked at."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forensics.domain.errors import MediaUrlForbidden
from forensics.domain.intake import Delivery, opened
from forensics.domain.job import Job
from forensics.usecases.accept_item import AcceptItem
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.idempotency import Idempotency
from forensics.usecases.intake import TakeIn
from forensics.usecases.intake_rights import Rights
from forensics.usecases.limit_calls import Billing
from forensics.usecases.uploads import CreateUpload, TakeUpload
from forensics.web.intake_body import read_fields, salvage
from tests.support.fakes import FakeClock, FakeJobs, FakeMedia, FakeQueue
from tests.support.intake_fakes import Drops, Line, Month
from tests.support.records import Records
from tests.support.sounds import wav
from tests.support.uploads import FakeUploadFiles, FakeUploadRows

LIMITS = {"image": 1000, "audio": 500_000, "video": 2000}
MESSAGE = {"tenant": "acme", "external_id": "m1", "media_url": "https://example.org/a.wav"}


class World:
    """The intake and the worker of its items, and all that they keep."""

    def __init__(self) -> None:
        self.jobs, self.media, self.month, self.clock = FakeJobs(), FakeMedia(), Month(), FakeClock()
        self.items, self.records, self.drops = Line(), Records(), Drops(self.media)
        self.rights: dict[str, Rights] = {"acme": Rights(live=True, test=True, per_month=10)}
        self.audio = FakeQueue()
        finish = FinishJob(self.jobs, self.media, FakeQueue(), self.clock)
        rows, files = FakeUploadRows(self.clock), FakeUploadFiles(self.media)
        self.uploads = CreateUpload(rows, files, FakeQueue(), self.clock, LIMITS)
        self.take = TakeIn(
            read=read_fields,
            salvage=salvage,
            rights=self.rights.get,
            attempts=Idempotency(self.records, self.clock, "r"),
            jobs=self.jobs,
            drops=self.drops,
            uploads=TakeUpload(rows, files),
            queue=self.items,
            finish=finish,
            billing=Billing(self.month, self.clock),  # type: ignore[arg-type]
            check_callback=self._check,
            max_bytes=LIMITS,
        )
        self.accept = AcceptItem(
            jobs=self.jobs,
            media=self.media,
            uploads=files,
            fetch=lambda url, *, max_bytes: wav(seconds=1),
            finish=finish,
            queues=dict.fromkeys(LIMITS, self.audio),
            max_bytes=LIMITS,
        )

    @staticmethod
    def _check(url: str) -> None:
        if "internal" in url:
            raise MediaUrlForbidden

    def tell(self, body: dict[str, Any], *, message_id: str = "id-1", receives: int = 1) -> None:
        delivery = Delivery(message_id, json.dumps(body), receives)
        for arrival in opened(delivery, bucket="media"):
            self.take(arrival, last=delivery.last)

    def drop(self, key: str, data: bytes, *, etag: str = "e1", size: int | None = None) -> dict[str, Any]:
        """Put a file and return the notification of it."""
        self.media.objects[key], self.drops.etags[key] = data, etag
        told = {"key": key, "eTag": etag, "size": len(data) if size is None else size, "sequencer": etag}
        return {"Records": [{"s3": {"bucket": {"name": "media"}, "object": told}}]}

    @property
    def all(self) -> list[Job]:
        return list(self.jobs.rows.values())

    @property
    def only(self) -> Job:
        (job,) = self.all
        return job

    def sent(self) -> list[dict[str, Any]]:
        return [message for message, _ in self.items.sent]

    def code(self) -> str:
        return str(self.only.document["error"]["code"])


@pytest.fixture
def world() -> World:
    return World()
