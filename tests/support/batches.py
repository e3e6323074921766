"""A world of batches in memory: its rows, its month, its queues and the use cases over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forensics.domain.batch import Batch, BatchItem, BatchRequest
from forensics.domain.errors import MediaUrlForbidden
from forensics.domain.job import DetectOptions, JobStatus
from forensics.domain.job_list import line
from forensics.usecases.abandon_job import AbandonJob
from forensics.usecases.accept_item import AcceptItem
from forensics.usecases.create_batch import CreateBatch
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.limit_calls import Billing
from forensics.usecases.uploads import CreateUpload, TakeUpload
from forensics.usecases.watch_batch import DissolveBatch, WatchBatch
from tests.support.fakes import FakeClock, FakeJobs, FakeMedia, FakeQueue
from tests.support.uploads import FakeUploadFiles, FakeUploadRows

URL = "https://example.org/"
LIMITS = {"image": 1_000_000, "audio": 2_000_000, "video": 3_000_000}
BASE = "job_r_01ARZ3NDEKTSV4RRFFQ69G5F00"


@dataclass
class Rows:
    batches: dict[tuple[str, str], Batch] = field(default_factory=dict)
    ends: list[tuple[str, str, str, JobStatus]] = field(default_factory=list)

    def create(self, batch: Batch) -> None:
        self.batches.setdefault((batch.tenant, batch.batch_id), batch)

    def accept(self, tenant: str, batch_id: str) -> bool:
        batch = self.batches.get((tenant, batch_id))
        if batch is None:
            return False
        self.batches[tenant, batch_id] = replace(batch, accepted=True)
        return True

    def forget(self, tenant: str, batch_id: str) -> bool:
        if (tenant, batch_id) in self.batches and self.batches[tenant, batch_id].accepted:
            return False
        self.batches.pop((tenant, batch_id), None)
        return True

    def get(self, tenant: str, batch_id: str) -> Batch | None:
        return self.batches.get((tenant, batch_id))

    def end_job(self, tenant: str, batch_id: str, job_id: str, status: JobStatus) -> None:
        self.ends.append((tenant, batch_id, job_id, status))


@dataclass
class Month:
    """Counters with room for some detections."""

    room: int = 100
    charged: set[str] = field(default_factory=set)

    def charge(
        self, tenant: str, job_ids: Sequence[str], window: Any, *, medium: str | None, quota: int | None
    ) -> bool:
        new = set(job_ids) - self.charged
        if len(new) > self.room - len(self.charged):
            return False
        self.charged |= new
        return True

    def give_back(self, tenant: str, job_id: str) -> bool:
        if job_id not in self.charged:
            return False
        self.charged.remove(job_id)
        return True


@dataclass
class Web:
    files: dict[str, bytes] = field(default_factory=dict)
    most: list[int] = field(default_factory=list)

    def __call__(self, url: str, *, max_bytes: int) -> bytes:
        self.most.append(max_bytes)
        return self.files[url]


class World:
    def __init__(self) -> None:
        self.jobs, self.media, self.rows, self.web = FakeJobs(), FakeMedia(), Rows(), Web()
        self.queue, self.purges, self.month, self.clock = FakeQueue(), FakeQueue(), Month(), FakeClock()
        self.timers = FakeQueue()
        self.media_queues = {medium: FakeQueue() for medium in LIMITS}
        upload_rows, upload_files = FakeUploadRows(self.clock), FakeUploadFiles(self.media)
        finish = FinishJob(self.jobs, self.media, self.purges, self.clock)
        self.uploads = CreateUpload(upload_rows, upload_files, FakeQueue(), self.clock, LIMITS)
        billing = Billing(self.month, self.clock)  # type: ignore[arg-type]
        dissolve = DissolveBatch(self.rows, self.jobs, finish, billing)
        abandon = AbandonJob(finish, self.jobs)
        self.watch = WatchBatch(self.rows, self.jobs, dissolve, abandon, self.timers, self.clock)
        self.create = CreateBatch(
            rows=self.rows,
            jobs=self.jobs,
            queue=self.queue,
            uploads=TakeUpload(upload_rows, upload_files),
            finish=finish,
            watch=self.watch,
            billing=billing,
            clock=self.clock,
            region="r",
            max_bytes=LIMITS,
            check_callback=self._check,
        )
        self.accept = AcceptItem(
            jobs=self.jobs,
            media=self.media,
            uploads=upload_files,
            fetch=self.web,
            finish=finish,
            queues=self.media_queues,
            max_bytes=LIMITS,
        )

    @staticmethod
    def _check(url: str) -> None:
        if "internal" in url:
            raise MediaUrlForbidden

    def uploaded(self, data: bytes) -> str:
        upload = self.uploads("acme", medium=None, size=1).upload
        self.media.objects[upload.key] = data
        return upload.upload_id

    def lines(self, tenant: str, job_ids: Sequence[str]) -> list[Mapping[str, Any]]:
        return [line(self.jobs.rows[tenant, job]) for job in job_ids]


def ask(*items: BatchItem, **more: Any) -> BatchRequest:
    return BatchRequest("acme", "r1", items, job_id=BASE, month_quota=100, **more)


def url_item(name: str, *, external_id: str | None = None, media_type: str | None = None) -> BatchItem:
    return BatchItem(DetectOptions(external_id=external_id), media_url=URL + name, media_type=media_type)


def upload_item(upload_id: str, *, retain: bool = False) -> BatchItem:
    return BatchItem(DetectOptions(retain=retain), upload_id=upload_id)
