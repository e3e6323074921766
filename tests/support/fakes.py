"""Fakes of every port: small, in memory, with the same rules as the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from forensics.domain.evidence import Provenance
from forensics.domain.job import Job, JobStatus, timestamp
from forensics.domain.scores import Detection, ModelScore, OperatingMode, OperatingPoint, Thresholds
from forensics.media.image import DecodedImage
from forensics.usecases.ports import Clock

START = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)
NORMAL = OperatingMode(Thresholds(0.8, 0.3), OperatingPoint(0.01, 0.6, "made up for tests"))
STRICT = OperatingMode(Thresholds(0.6, 0.2), OperatingPoint(0.05, 0.8, "made up for tests"))


def detection(score: float | None = 0.1, **changes: Any) -> Detection:
    model = ModelScore("fake-model", "1", score, "ok", 1)
    return replace(Detection(score=score, normal=NORMAL, strict=STRICT, models=(model,)), **changes)


@dataclass
class FakeDetector:
    result: Detection = field(default_factory=detection)
    error: Exception | None = None

    def detect(self, rgb: NDArray[np.uint8]) -> Detection:
        if self.error:
            raise self.error
        return self.result

    def heatmap(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.linspace(0, 1, 9, dtype=np.float32).reshape(3, 3)


@dataclass
class FakeProvenance:
    result: Provenance = field(default_factory=Provenance)

    def __call__(self, data: bytes, image: DecodedImage | None) -> Provenance:
        return self.result


@dataclass
class FakeFilmProvenance:
    result: Provenance = field(default_factory=Provenance)

    def __call__(self, source: BinaryIO) -> Provenance:
        return self.result


@dataclass(frozen=True)
class FakeClock(Clock):
    """Every look at it is 100 ms later; ids count up."""

    ticks: list[int] = field(default_factory=lambda: [0])
    issued: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        self.ticks[0] += 1
        return START + timedelta(milliseconds=100 * self.ticks[0])

    def job_id(self, region: str) -> str:
        self.issued.append(f"job_{region}_{len(self.issued)}")
        return self.issued[-1]


@dataclass
class FakeJobs:
    rows: dict[tuple[str, str], Job] = field(default_factory=dict)

    def create(self, job: Job) -> None:
        assert (job.tenant, job.job_id) not in self.rows
        self.rows[job.tenant, job.job_id] = job

    def get(self, tenant: str, job_id: str) -> Job | None:
        return self.rows.get((tenant, job_id))

    def take_in(self, job: Job) -> bool:
        before = self.rows.get((job.tenant, job.job_id))
        if before is None or before.status is not JobStatus.QUEUED:
            return False
        self.rows[job.tenant, job.job_id] = job
        return True

    def begin(self, tenant: str, job_id: str) -> bool:
        job = self.rows.get((tenant, job_id))
        if job is None or job.status.terminal:
            return False
        document = {**job.document, "status": "processing"}
        self.rows[tenant, job_id] = replace(job, status=JobStatus.PROCESSING, document=document)
        return True

    def finish(self, job: Job) -> bool:
        before = self.rows.get((job.tenant, job.job_id))
        if before is not None and before.status.terminal:
            return False
        self.rows[job.tenant, job.job_id] = job
        return True

    def bury(self, job: Job) -> Job | None:
        before = self.rows.get((job.tenant, job.job_id))
        if before is None or before.status is JobStatus.DELETED:
            return None
        self.rows[job.tenant, job.job_id] = before.deleted()
        return before

    def stamp_deleted(self, tenant: str, job_id: str, deleted_at: datetime) -> None:
        job = self.rows.get((tenant, job_id))
        if job is None or "retention" not in job.document or job.document["retention"]["deleted_at"]:
            return
        retention = {**job.document["retention"], "deleted_at": timestamp(deleted_at)}
        self.rows[tenant, job_id] = replace(job, document={**job.document, "retention": retention})


@dataclass
class FakeMedia:
    objects: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, data: bytes, *, content_type: str) -> None:
        self.objects[key] = data

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def delete_all(self, prefix: str) -> None:
        self.objects = {key: data for key, data in self.objects.items() if not key.startswith(prefix)}

    def signed_url(self, key: str) -> str:
        return f"https://signed.example/{key}"


@dataclass
class FakeQueue:
    sent: list[tuple[dict[str, Any], int]] = field(default_factory=list)

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        self.sent.append((dict(message), delay_s))


@dataclass
class FakeFetch:
    files: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, url: str, *, max_bytes: int) -> bytes:
        return self.files[url][:max_bytes]
