"""A detection is counted once, whatever its attempts met; a test key's never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from forensics.domain.errors import (
    Deleted,
    DetectorError,
    InvalidRequest,
    MediaCorrupt,
    MediaTypeMismatch,
    QuotaExceeded,
    ServiceUnavailable,
)
from forensics.domain.ids import numbered
from forensics.domain.job import DetectOptions, DetectRequest, Job, JobStatus
from forensics.domain.result import pending_document
from forensics.usecases.accept_media import Outcome
from forensics.usecases.billed_detection import MOST_ATTEMPTS, BilledDetection
from forensics.usecases.limit_calls import Billing
from forensics.usecases.rehearse import Rehearse
from forensics.web.schemas import FailedJob, PendingJob, Result
from tests.support.fakes import START
from tests.unit.usecases.test_detect_media import World
from tests.unit.usecases.test_idempotency import Counters

ID = "job_euwest1_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@dataclass
class Billed:
    """The image use case of a fake world behind its bill."""

    world: World = field(default_factory=World)
    counters: Counters = field(default_factory=Counters)
    asked: list[str | None] = field(default_factory=list)

    def __call__(self, request: DetectRequest, detect: Callable[[DetectRequest], Outcome] | None = None) -> Outcome:
        def noted(request: DetectRequest) -> Outcome:
            self.asked.append(request.job_id)
            return (detect or self.world.detect)(request)

        accept = self.world.detect
        return BilledDetection(noted, accept, Billing(self.counters, self.world.clock), Rehearse(accept))(request)

    @property
    def used(self) -> int:
        return len(self.counters.held)


@pytest.fixture
def billed() -> Billed:
    return Billed()


@pytest.fixture
def request_(photo: bytes) -> DetectRequest:
    return DetectRequest("acme", "r1", DetectOptions(), data=photo, month_quota=1, job_id=ID)


def fails(error: BaseException) -> Callable[[DetectRequest], Outcome]:
    def detect(request: DetectRequest) -> Outcome:
        raise error

    return detect


def test_a_detection_is_reserved_before_its_work(billed: Billed, request_: DetectRequest) -> None:
    outcome = billed(request_)
    assert (outcome.job.job_id, billed.used) == (ID, 1)
    with pytest.raises(QuotaExceeded):
        billed(replace(request_, job_id=None))
    assert billed.asked == [ID]


@pytest.mark.parametrize("error", [MediaCorrupt(), RuntimeError("x"), KeyboardInterrupt()])
def test_what_comes_to_nothing_is_given_back(billed: Billed, request_: DetectRequest, error: BaseException) -> None:
    with pytest.raises(type(error)):
        billed(request_, fails(error))
    assert billed.used == 0


def stored(billed: Billed, status: JobStatus, error: DetectorError | None = None) -> Job:
    job = Job(
        "acme", ID, JobStatus.QUEUED, "image", DetectOptions(), "r1", START - timedelta(seconds=1), "media/acme/x"
    )
    job = replace(job, document=pending_document(job))
    if error is not None:
        return billed.world.finish.failed(job, error)
    billed.world.jobs.create(replace(job, status=status))
    return replace(job, status=status)


def test_a_job_that_an_attempt_before_made_stands(billed: Billed, request_: DetectRequest) -> None:
    first = billed(request_)
    again = billed(replace(request_, resumed=True))
    assert again.document == first.document and (billed.asked, billed.used) == ([ID], 1)


def test_a_job_that_may_not_have_been_sent_is_sent_again(billed: Billed, request_: DetectRequest) -> None:
    stored(billed, JobStatus.QUEUED)
    assert (
        PendingJob.model_validate({**billed(replace(request_, resumed=True)).document, "links": {"self": "x"}}).job_id
        == ID
    )
    message, _ = billed.world.queue.sent[0]
    assert message == {"tenant": "acme", "job_id": ID, "media_key": "media/acme/x"}
    assert (billed.asked, billed.used) == ([], 0)


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (JobStatus.DELETED, None, Deleted),
        (JobStatus.FAILED, MediaCorrupt(), MediaCorrupt),
    ],
)
def test_a_job_that_is_over_says_how(
    billed: Billed, request_: DetectRequest, status: JobStatus, error: DetectorError | None, told: type[Exception]
) -> None:
    stored(billed, status, error)
    with pytest.raises(told):
        billed(replace(request_, resumed=True))
    assert (billed.asked, billed.used) == ([], 0)


def test_after_a_fault_of_ours_the_next_attempt_makes_the_next_job(billed: Billed, request_: DetectRequest) -> None:
    stored(billed, JobStatus.FAILED, ServiceUnavailable())
    resumed = replace(request_, resumed=True)
    assert billed(resumed).job.job_id == numbered(ID, 1) != ID
    assert billed(resumed).job.job_id == numbered(ID, 1) and billed.used == 1
    assert billed.asked == [numbered(ID, 1)]


def test_there_is_an_end_to_attempts(billed: Billed, request_: DetectRequest) -> None:
    job = stored(billed, JobStatus.FAILED, ServiceUnavailable())
    for index in range(1, MOST_ATTEMPTS):
        billed.world.jobs.rows.setdefault(("acme", numbered(ID, index)), job)
    with pytest.raises(ServiceUnavailable, match="too often"):
        billed(replace(request_, resumed=True))


def rehearsal(request: DetectRequest, script: str | None = None, **changes: Any) -> DetectRequest:
    options = replace(request.options, external_id=script)
    return replace(request, live=False, month_quota=0, options=options, **changes)


def test_a_test_key_is_answered_from_the_script_and_costs_nothing(billed: Billed, request_: DetectRequest) -> None:
    result = Result.model_validate(billed(rehearsal(request_)).document)
    assert (result.verdict, result.media.bytes, result.media.format) == ("synthetic", len(request_.data or b""), "jpeg")
    assert (billed.used, billed.asked, billed.world.media.objects) == (0, [], {})
    assert billed.world.jobs.rows["acme", ID].status is JobStatus.COMPLETED
    other = rehearsal(request_, "test:inconclusive", job_id="job_2")
    assert Result.model_validate(billed(other).document).reasons[0].startswith("borderline")


def test_a_test_keys_errors(billed: Billed, request_: DetectRequest) -> None:
    with pytest.raises(MediaCorrupt):
        billed(rehearsal(request_, "test:media-corrupt"))
    with pytest.raises(InvalidRequest):
        billed(rehearsal(request_, "test:nonsense"))
    with pytest.raises(MediaTypeMismatch):
        billed(rehearsal(replace(request_, data=b"RIFF\x00\x00\x00\x00WAVEfmt ")))
    with pytest.raises(ServiceUnavailable):
        billed(rehearsal(request_, "test:service-unavailable", respond_async=True))
    assert billed.world.jobs.rows == {}
    pending = billed(rehearsal(request_, "test:media-corrupt", respond_async=True)).document
    assert pending["status"] == "queued"
    assert FailedJob.model_validate(billed.world.jobs.rows["acme", ID].document).error.code == "media-corrupt"
