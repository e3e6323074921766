from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from forensics.domain.errors import (
    InvalidRequest,
    MediaCorrupt,
    MediaTypeMismatch,
    MediaUrlForbidden,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from forensics.domain.job import DetectOptions, DetectRequest, JobStatus
from forensics.domain.result import Analysis
from forensics.usecases.abandon_job import AbandonJob
from forensics.usecases.accept_media import refuse_callback
from forensics.usecases.analyse_image import AnalyseImage
from forensics.usecases.detect_media import DetectMedia
from forensics.usecases.finish_job import PURGE_BACKSTOP_S, FinishJob
from forensics.usecases.process_job import ProcessJob
from forensics.usecases.purge_media import PurgeMedia
from forensics.usecases.uploads import TakeUpload
from forensics.web.schemas import FailedJob, PendingJob, Result
from tests.support.fakes import (
    FakeClock,
    FakeDetector,
    FakeFetch,
    FakeJobs,
    FakeMedia,
    FakeProvenance,
    FakeQueue,
    detection,
)
from tests.support.uploads import FakeUploadFiles, FakeUploadRows

URL = "https://example.org/cup.jpg"


class World:
    """A whole service over fakes."""

    def __init__(self) -> None:
        self.jobs, self.media, self.queue, self.purges = FakeJobs(), FakeMedia(), FakeQueue(), FakeQueue()
        self.clock, self.fetch, self.detector = FakeClock(), FakeFetch(), FakeDetector()
        self.uploads = FakeUploadRows(self.clock)
        self.finish = FinishJob(self.jobs, self.media, self.purges, self.clock)
        self.analyse = AnalyseImage(self.detector, FakeProvenance())
        self.detect = DetectMedia(
            medium="image",
            analyse=self.analyse,
            finish=self.finish,
            jobs=self.jobs,
            media=self.media,
            queue=self.queue,
            fetch=self.fetch,
            uploads=TakeUpload(self.uploads, FakeUploadFiles(self.media)),
            clock=self.clock,
            region="eu-west-1",
            max_bytes=1_000_000,
            check_callback=self.check_callback,
        )
        self.process = ProcessJob(self.analyse, self.finish, self.jobs, self.media)

    def check_callback(self, url: str) -> None:
        if not url.startswith("https://"):
            raise MediaUrlForbidden


@pytest.fixture
def world() -> World:
    return World()


def ask(data: bytes | None = None, *, url: str | None = None, wait: bool = True, **options: bool) -> DetectRequest:
    return DetectRequest(
        tenant="acme",
        request_id="r1",
        options=DetectOptions(**options),
        data=data,
        media_url=url,
        respond_async=not wait,
    )


def test_a_synchronous_answer_is_the_contracts_object_and_stores_no_media(world: World, photo: bytes) -> None:
    outcome = world.detect(ask(photo))
    result = Result.model_validate(outcome.document)
    assert (result.verdict, result.confidence, result.media.format) == ("authentic", 0.9, "jpeg")
    assert result.retention.deleted_at == result.completed_at
    assert world.media.objects == {} and world.purges.sent == []
    assert world.jobs.get("acme", result.job_id) == outcome.job
    assert set(outcome.timings_ms) == {"fetch", "decode", "provenance", "model", "store"}


def test_a_url_is_fetched(world: World, photo: bytes) -> None:
    world.fetch.files[URL] = photo
    assert world.detect(ask(url=URL)).document["verdict"] == "authentic"


def test_strict_mode_swaps_the_thresholds(world: World, photo: bytes) -> None:
    world.detector.result = detection(0.7)
    assert world.detect(ask(photo)).document["verdict"] == "inconclusive"
    strict = world.detect(ask(photo, strict_mode=True)).document
    assert (strict["verdict"], strict["thresholds"]) == ("synthetic", {"synthetic": 0.6, "authentic": 0.2})


def test_retained_media_is_kept_for_thirty_days(world: World, photo: bytes) -> None:
    outcome = world.detect(ask(photo, retain=True))
    retention = Result.model_validate(outcome.document).retention
    assert world.media.objects == {f"retained/acme/{outcome.job.job_id}": photo}
    assert (retention.mode, retention.deleted_at) == ("retain", None)
    assert (retention.delete_by - outcome.job.created_at).days == 30
    assert world.purges.sent == []


def test_explain_keeps_a_heat_map_without_the_picture(world: World, photo: bytes) -> None:
    outcome = world.detect(ask(photo, explain=True))
    key = f"artifacts/acme/{outcome.job.job_id}/heatmap.png"
    assert list(world.media.objects) == [key]
    assert outcome.document["artifacts"] == {"heatmap_url": f"https://signed.example/{key}"}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", InvalidRequest),
        (b"not a picture at all", UnsupportedMediaType),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", MediaTypeMismatch),
        (b"\xff\xd8\xff\xe0" + bytes(100), MediaCorrupt),
        (b"\x89PNG\r\n\x1a\n" + bytes(1_000_000), PayloadTooLarge),
    ],
)
def test_bad_media_is_a_typed_error_and_leaves_nothing(world: World, data: bytes, error: type[Exception]) -> None:
    for wait in (True, False):
        request = ask(data, wait=wait)
        if error is MediaCorrupt and not wait:
            continue  # found by the worker: see below
        with pytest.raises(error):
            world.detect(DetectRequest(**{**request.__dict__, "media_type": "image"}))
    assert world.jobs.rows == {} and world.media.objects == {} and world.queue.sent == []


def test_an_asynchronous_job_runs_from_its_queue_and_is_purged(world: World, photo: bytes) -> None:
    outcome = world.detect(ask(photo, wait=False))
    job = PendingJob.model_validate({**outcome.document, "links": {"self": "added by the HTTP layer"}})
    assert world.media.objects == {f"media/acme/{job.job_id}": photo}
    ((message, delay_s),) = world.queue.sent
    assert (message["tenant"], message["job_id"], delay_s) == ("acme", job.job_id, 0)

    world.process("acme", job.job_id)
    stored = world.jobs.rows["acme", job.job_id]
    result = Result.model_validate(stored.document)
    assert stored.status is JobStatus.COMPLETED and result.retention.deleted_at is not None
    assert world.media.objects == {}
    assert [(m["purge"], delay) for m, delay in world.purges.sent] == [(f"media/acme/{job.job_id}", PURGE_BACKSTOP_S)]


def test_a_job_with_damaged_media_fails_with_the_problem_and_is_purged(world: World) -> None:
    job_id = world.detect(ask(b"\xff\xd8\xff\xe0" + bytes(100), wait=False)).job.job_id
    world.process("acme", job_id)
    failed = FailedJob.model_validate(world.jobs.rows["acme", job_id].document)
    assert (failed.error.code, failed.error.status) == ("media-corrupt", 422)
    assert failed.retention.deleted_at is not None and world.media.objects == {}


def test_a_message_delivered_twice_changes_nothing(world: World, photo: bytes) -> None:
    job_id = world.detect(ask(photo, wait=False)).job.job_id
    world.process("acme", job_id)
    first = world.jobs.rows["acme", job_id]
    world.process("acme", job_id)
    assert world.jobs.rows["acme", job_id] == first and len(world.purges.sent) == 1


def test_an_unknown_fault_leaves_the_job_for_the_next_try(world: World, photo: bytes) -> None:
    job_id = world.detect(ask(photo, wait=False)).job.job_id
    world.detector.error = RuntimeError("boom")
    with pytest.raises(RuntimeError):
        world.process("acme", job_id)
    assert world.jobs.rows["acme", job_id].status is JobStatus.PROCESSING and len(world.media.objects) == 1
    AbandonJob(world.finish, world.jobs)("acme", job_id)
    failed = FailedJob.model_validate(world.jobs.rows["acme", job_id].document)
    assert failed.error.code == "internal-error" and "boom" not in failed.error.detail
    assert world.media.objects == {}


def test_media_that_is_gone_fails_the_job(world: World, photo: bytes) -> None:
    job_id = world.detect(ask(photo, wait=False)).job.job_id
    world.media.objects.clear()
    world.process("acme", job_id)
    assert world.jobs.rows["acme", job_id].document["error"]["code"] == "media-fetch-failed"


def test_the_purge_backstop_deletes_and_keeps_the_first_receipt(world: World, photo: bytes) -> None:
    job_id = world.detect(ask(photo, wait=False)).job.job_id
    world.process("acme", job_id)
    receipt = world.jobs.rows["acme", job_id].document["retention"]["deleted_at"]
    key = f"media/acme/{job_id}"
    world.media.objects[key] = photo  # as if the inline delete had not reached the store
    PurgeMedia(world.jobs, world.media, world.clock)("acme", job_id, key)
    assert world.media.objects == {}
    assert world.jobs.rows["acme", job_id].document["retention"]["deleted_at"] == receipt


@dataclass(frozen=True)
class Slow:
    """A pipeline that would need half a minute."""

    analyse: AnalyseImage

    def __call__(self, data: bytes, options: DetectOptions) -> Analysis:
        return self.analyse(data, options)

    def estimate_s(self, data: bytes) -> float:
        return 30.0


def test_what_takes_longer_than_the_caller_waits_becomes_a_job(world: World, photo: bytes) -> None:
    detect = replace(world.detect, analyse=Slow(world.analyse))
    queued = detect(ask(photo))
    assert (queued.job.status, queued.document["estimated_seconds"]) == (JobStatus.QUEUED, 32)
    assert len(world.queue.sent) == 1
    patient = detect(replace(ask(photo), wait_s=40))
    assert patient.job.status is JobStatus.COMPLETED


def test_a_callback_is_guarded_before_anything_else_and_kept_with_the_job(world: World, photo: bytes) -> None:
    bad = replace(ask(photo, wait=False), options=DetectOptions(callback_url="http://10.0.0.1/"))
    with pytest.raises(MediaUrlForbidden):
        world.detect(bad)
    assert not world.jobs.rows and not world.media.objects
    good = replace(bad, options=DetectOptions(callback_url="https://hooks.example/in?t=1"))
    job = world.detect(good).job
    stored = world.jobs.get("acme", job.job_id)
    assert stored is not None and stored.options.callback_url == "https://hooks.example/in?t=1"
    assert "hooks.example" not in repr(stored) + str(world.queue.sent)


def test_a_service_without_webhooks_takes_no_callback(world: World, photo: bytes) -> None:
    quiet = replace(world.detect, check_callback=refuse_callback)
    with pytest.raises(MediaUrlForbidden, match="no webhooks"):
        quiet(replace(ask(photo), options=DetectOptions(callback_url="https://hooks.example/in")))
