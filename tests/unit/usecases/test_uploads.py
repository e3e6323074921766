"""Uploads and the one detection that each of them serves."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from forensics.domain.errors import (
    MediaTypeMismatch,
    PayloadTooLarge,
    UploadIncomplete,
    UploadNotFound,
    UploadUsed,
)
from forensics.domain.job import DetectOptions, DetectRequest, JobStatus
from forensics.domain.upload import UPLOAD_PERIOD, Upload
from forensics.usecases.analyse_image import AnalyseImage
from forensics.usecases.detect_media import DetectMedia
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.forward import ChooseFunction
from forensics.usecases.uploads import SWEEP_HOP_S, CreateUpload, SweepUpload, TakeUpload
from tests.support.fakes import FakeClock, FakeDetector, FakeFetch, FakeJobs, FakeMedia, FakeProvenance, FakeQueue
from tests.support.uploads import FakeUploadFiles, FakeUploadRows

LIMITS = {"image": 1_000_000, "audio": 2_000_000, "video": 3_000_000}


@dataclass
class World:
    """The uploads, the image endpoint that takes them, and all that they keep."""

    clock: FakeClock = field(default_factory=FakeClock)
    media: FakeMedia = field(default_factory=FakeMedia)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    queue: FakeQueue = field(default_factory=FakeQueue)
    purges: FakeQueue = field(default_factory=FakeQueue)

    def __post_init__(self) -> None:
        self.rows, files = FakeUploadRows(self.clock), FakeUploadFiles(self.media)
        self.create = CreateUpload(self.rows, files, self.purges, self.clock, LIMITS)
        self.sweep = SweepUpload(files, self.purges)
        self.take = TakeUpload(self.rows, files)
        self.detect = DetectMedia(
            medium="image",
            analyse=AnalyseImage(FakeDetector(), FakeProvenance()),
            finish=FinishJob(self.jobs, self.media, self.purges, self.clock),
            jobs=self.jobs,
            media=self.media,
            queue=self.queue,
            fetch=FakeFetch(),
            uploads=self.take,
            clock=self.clock,
            region="r",
            max_bytes=LIMITS["image"],
        )

    def uploaded(self, data: bytes | None, *, sha256: str | None = None) -> Upload:
        upload = self.create("acme", medium="image", size=1, sha256=sha256).upload
        if data is not None:
            self.media.objects[upload.key] = data
        return upload

    def ask(self, upload: Upload, *, tenant: str = "acme", later: bool = False, retain: bool = False) -> DetectRequest:
        options = DetectOptions(retain=retain)
        return DetectRequest(tenant, "r1", options, upload_id=upload.upload_id, respond_async=later)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(("medium", "most"), [("image", 1_000_000), ("video", 3_000_000), (None, 3_000_000)])
def test_a_form_takes_what_the_medium_may_have(world: World, medium: str | None, most: int) -> None:
    made = world.create("acme", medium=medium, size=most)
    assert made.upload.max_bytes == most
    assert made.form.fields == {"key": f"uploads/acme/{made.upload.upload_id}", "seconds": "900"}
    with pytest.raises(PayloadTooLarge):
        world.create("acme", medium=medium, size=most + 1)


def test_a_verdict_takes_the_upload_and_leaves_nothing(world: World, photo: bytes) -> None:
    upload = world.uploaded(photo)
    outcome = world.detect(world.ask(upload))
    assert outcome.job.status is JobStatus.COMPLETED
    assert outcome.document["retention"]["deleted_at"] is not None  # type: ignore[index]
    assert world.media.objects == {}
    world.media.objects[upload.key] = photo  # posted anew with the same form
    with pytest.raises(UploadUsed):
        world.detect(world.ask(upload))


def test_a_later_job_gets_the_object_itself(world: World, photo: bytes) -> None:
    job = world.detect(world.ask(world.uploaded(photo), later=True)).job
    assert world.media.objects == {f"media/acme/{job.job_id}": photo}
    assert world.queue.sent[0][0]["media_key"] == f"media/acme/{job.job_id}"


@pytest.mark.parametrize("later", [False, True])
def test_a_file_to_retain_moves_to_where_files_are_held(world: World, photo: bytes, later: bool) -> None:
    job = world.detect(world.ask(world.uploaded(photo), later=later, retain=True)).job
    assert world.media.objects == {f"retained/acme/{job.job_id}": photo}


@pytest.mark.parametrize("later", [False, True])
def test_what_is_not_there_to_take_is_a_problem_of_its_own(world: World, photo: bytes, later: bool) -> None:
    upload = world.uploaded(photo)
    with pytest.raises(UploadNotFound):
        world.detect(world.ask(upload, tenant="rival", later=later))
    with pytest.raises(UploadNotFound):
        world.detect(world.ask(replace(upload, upload_id="upload_made_up"), later=later))
    with pytest.raises(UploadIncomplete):
        world.detect(world.ask(world.uploaded(None), later=later))
    world.clock.ticks[0] += int(UPLOAD_PERIOD / timedelta(milliseconds=100))
    with pytest.raises(UploadNotFound):
        world.detect(world.ask(upload, later=later))
    assert world.jobs.rows == {}


@pytest.mark.parametrize("later", [False, True])
def test_the_wrong_path_does_not_use_the_upload_up(world: World, photo: bytes, later: bool) -> None:
    upload = world.uploaded(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    with pytest.raises(MediaTypeMismatch):
        world.detect(world.ask(upload, later=later))
    world.media.objects[upload.key] = photo + b"\x00" * LIMITS["image"]
    with pytest.raises(PayloadTooLarge):
        world.detect(world.ask(upload, later=later))
    world.media.objects[upload.key] = photo
    assert world.detect(world.ask(upload, later=later)).document["job_id"]


def test_other_bytes_than_declared_are_not_taken(world: World, photo: bytes) -> None:
    digest = hashlib.sha256(photo).hexdigest()
    with pytest.raises(UploadIncomplete):
        world.detect(world.ask(world.uploaded(photo + b"\x00", sha256=digest)))
    assert world.detect(world.ask(world.uploaded(photo, sha256=digest))).job.status is JobStatus.COMPLETED


def test_a_claim_is_repeated_by_its_own_job_only(world: World, photo: bytes) -> None:
    upload = world.uploaded(photo)
    world.take.claim(upload, "job_1")
    world.take.claim(upload, "job_1")
    with pytest.raises(UploadUsed):
        world.take.claim(upload, "job_2")


def test_an_attempt_that_is_made_again_finds_its_own_claim(world: World, photo: bytes) -> None:
    upload = world.uploaded(photo)
    request = replace(world.ask(upload, later=True), job_id="job_1")
    world.take.claim(upload, "job_1")
    world.take.move(upload, "media/acme/job_1")  # and there the attempt before ended
    assert world.detect(request).job.media_key == "media/acme/job_1"
    assert world.media.objects == {"media/acme/job_1": photo}
    with pytest.raises(UploadUsed):  # what it had read into its memory went with it
        world.detect(replace(request, respond_async=False))


def test_a_move_is_repeated_without_harm(world: World, photo: bytes) -> None:
    upload = world.uploaded(photo)
    world.take.move(upload, "media/acme/job_1")
    world.take.move(upload, "media/acme/job_1")
    assert world.media.objects == {"media/acme/job_1": photo}
    with pytest.raises(UploadIncomplete):
        world.take.move(upload, "media/acme/job_2")


def test_what_nobody_took_is_swept_half_an_hour_later(world: World, photo: bytes) -> None:
    world.uploaded(photo)
    (first,) = world.purges.sent
    world.sweep(first[0])
    second = world.purges.sent[1]
    assert (first[1], second[1]) == (SWEEP_HOP_S, SWEEP_HOP_S)
    assert len(world.media.objects) == 1
    world.sweep(second[0])
    assert (world.media.objects, len(world.purges.sent)) == ({}, 2)


def test_the_unified_endpoint_knows_an_upload_by_its_first_bytes(world: World, photo: bytes) -> None:
    choose = ChooseFunction({"image": "fn-image"}, FakeFetch(), world.take)
    assert choose(world.ask(world.uploaded(photo))) == ("image", "fn-image")
    with pytest.raises(UploadIncomplete):
        choose(world.ask(world.uploaded(None)))


def test_an_animation_shown_once_is_a_film_through_every_door(world: World) -> None:
    """Its second frame begins behind the first bytes, and nothing before it says that there will be one."""
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 256, (120, 160), dtype=np.uint8)) for _ in range(2)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=500)
    data = buffer.getvalue()
    fetch = FakeFetch({"https://example.org/x": data})
    choose = ChooseFunction({"image": "fn-image", "video": "fn-video"}, fetch, world.take)
    ask = DetectRequest("acme", "r1", DetectOptions())
    upload = world.uploaded(data)
    for request in (replace(ask, data=data), replace(ask, media_url="https://example.org/x"), world.ask(upload)):
        assert choose(request) == ("video", "fn-video")
    assert world.take.check("acme", upload.upload_id, medium="video", max_bytes=len(data)) == upload
