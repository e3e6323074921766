"""Batches: a job for every item, each with its own fate, and one end for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from forensics.domain.errors import MediaUrlForbidden, NotFound, QuotaExceeded
from forensics.domain.events import RowChange
from forensics.domain.job import DetectOptions, JobStatus
from forensics.usecases.read_batch import CloseBatches, ReadBatch
from tests.support.batches import BASE, LIMITS, URL, Rows, World, ask, upload_item, url_item
from tests.support.clips import clip
from tests.support.fakes import START
from tests.support.sounds import wav


@pytest.fixture
def world() -> World:
    return World()


def test_every_item_becomes_a_job_in_its_order(world: World) -> None:
    batch = world.create(ask(*(url_item(str(i), external_id=f"e{i}") for i in range(40))))
    ids = [job["job_id"] for job in batch["jobs"]]
    assert (batch["batch_id"], ids[0], ids[33]) == ("batch" + BASE[3:], BASE[:-2] + "00", BASE[:-2] + "11")
    assert [job["external_id"] for job in batch["jobs"]] == [f"e{i}" for i in range(40)]
    assert (len(set(ids)), batch["counts"]["queued"], batch["total"]) == (40, 40, 40)
    assert sorted(m["job_id"] for m, _ in world.queue.sent) == ids
    assert world.month.charged == set(ids)


def test_no_url_is_stored(world: World) -> None:
    world.create(ask(url_item("a?signature=secret")))
    assert "secret" not in repr(world.jobs.rows) + repr(world.rows)


def test_one_bad_item_takes_no_other_down(world: World, photo: bytes) -> None:
    good = world.uploaded(photo)
    batch = world.create(ask(upload_item("upload_unknown"), upload_item(good), url_item("x"), upload_item(good)))
    assert [(job["status"], job["error_code"]) for job in batch["jobs"]] in (
        [("failed", "upload-not-found"), ("queued", None), ("queued", None), ("failed", "upload-used")],
        [("failed", "upload-not-found"), ("failed", "upload-used"), ("queued", None), ("queued", None)],
    )
    assert len(world.queue.sent) == 2


def test_a_batch_fits_the_month_whole_or_not_at_all(world: World) -> None:
    world.month.room = 1
    with pytest.raises(QuotaExceeded):
        world.create(ask(url_item("a"), url_item("b")))
    assert (world.jobs.rows, world.rows.batches, world.month.charged) == ({}, {}, set())


def test_a_callback_that_may_not_be_reached_refuses_the_batch(world: World) -> None:
    options = DetectOptions(callback_url="https://internal/")
    with pytest.raises(MediaUrlForbidden):
        world.create(ask(replace(url_item("a"), options=options)))
    assert world.jobs.rows == {}


def test_an_attempt_that_is_made_again_makes_nothing_twice(world: World, photo: bytes) -> None:
    items = (upload_item(world.uploaded(photo)), url_item("x"))
    first = world.create(ask(*items))
    world.jobs.begin("acme", first["jobs"][1]["job_id"])
    for message, _ in world.queue.sent:  # the upload has left its place by the time of the second attempt
        world.accept(message)
    again = world.create(ask(*items, resumed=True))
    assert [job["job_id"] for job in again["jobs"]] == [job["job_id"] for job in first["jobs"]]
    assert [job["status"] for job in again["jobs"]] == ["queued", "processing"]
    assert (len(world.jobs.rows), len(world.month.charged)) == (2, 2)


def test_what_cannot_be_queued_fails_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        raise ConnectionError

    monkeypatch.setattr(world.queue, "send", broken)
    (job,) = world.create(ask(url_item("a")))["jobs"]
    assert (job["status"], job["error_code"]) == ("failed", "service-unavailable")


@pytest.mark.parametrize("medium", ["image", "audio", "video"])
@pytest.mark.parametrize("source", ["url", "upload"])
def test_an_item_goes_to_the_medium_of_its_bytes(world: World, photo: bytes, medium: str, source: str) -> None:
    data = {"image": photo, "audio": wav(seconds=1), "video": clip(seconds=1)}[medium]
    world.web.files[URL + "x"] = data
    item = url_item("x") if source == "url" else upload_item(world.uploaded(data))
    (made,) = world.create(ask(item))["jobs"]
    assert made["media_type"] is None
    world.accept(world.queue.sent[0][0])
    job = world.jobs.rows["acme", made["job_id"]]
    assert (job.status, job.media_type, job.document["media_type"]) == (JobStatus.QUEUED, medium, medium)
    assert world.media.objects == {job.media_key: data}
    assert world.media_queues[medium].sent == [
        ({"tenant": "acme", "job_id": job.job_id, "media_key": job.media_key}, 0)
    ]


@pytest.mark.parametrize(
    ("data", "media_type", "code"),
    [
        (b"no media at all", None, "unsupported-media-type"),
        (b"\xff\xd8\xff", "audio", "media-type-mismatch"),
        (b"\xff\xd8\xff" + b"\x00" * 1_000_000, None, "payload-too-large"),
        (b"", None, "unsupported-media-type"),
    ],
)
def test_a_bad_file_fails_its_own_job(world: World, data: bytes, media_type: str | None, code: str) -> None:
    world.web.files[URL + "x"] = data
    (made,) = world.create(ask(url_item("x", media_type=media_type)))["jobs"]
    world.accept(world.queue.sent[0][0])
    job = world.jobs.rows["acme", made["job_id"]]
    assert (job.status, job.document["error"]["code"], world.media.objects) == (JobStatus.FAILED, code, {})
    assert world.web.most == [LIMITS[media_type or "video"]]


def test_a_message_that_comes_twice_is_handed_on_until_somebody_began(world: World, photo: bytes) -> None:
    world.web.files[URL + "x"] = photo
    (made,) = world.create(ask(url_item("x")))["jobs"]
    message = world.queue.sent[0][0]
    world.accept(message)
    world.accept(message)
    world.jobs.begin("acme", made["job_id"])
    world.accept(message)
    assert len(world.media_queues["image"].sent) == 2


def test_an_item_deleted_before_its_turn_leaves_nothing(world: World, photo: bytes) -> None:
    world.web.files[URL + "x"] = photo
    (made,) = world.create(ask(url_item("x")))["jobs"]
    job = world.jobs.rows["acme", made["job_id"]]
    fetch = world.web.__call__

    def deleted_meanwhile(url: str, *, max_bytes: int) -> bytes:
        world.jobs.bury(job)
        return fetch(url, max_bytes=max_bytes)

    replace(world.accept, fetch=deleted_meanwhile)(world.queue.sent[0][0])
    assert (world.media.objects, world.media_queues["image"].sent) == ({}, [])


@pytest.mark.parametrize(("script", "status"), [("test:authentic", "completed"), ("test:media-corrupt", "failed")])
def test_a_test_key_gets_its_script_and_no_bill(world: World, photo: bytes, script: str, status: str) -> None:
    world.web.files[URL + "x"] = photo
    (made,) = world.create(ask(url_item("x", external_id=script), live=False))["jobs"]
    world.accept(world.queue.sent[0][0])
    job = world.jobs.rows["acme", made["job_id"]]
    assert (job.status.value, world.media.objects, world.month.charged) == (status, {}, set())


def change(was: str | None, now: str, **row: str) -> RowChange:
    after = {"tenant": "acme", "job_id": "job_1", "status": now, **row}
    return RowChange({} if was is None else {**after, "batch": "batch_1", "status": was}, after, START + timedelta())


def test_every_end_of_a_batchs_job_is_counted_and_no_other_change() -> None:
    rows = Rows()
    CloseBatches(rows)(
        [
            change("processing", "completed", batch="batch_1"),
            change("queued", "failed", batch="batch_1"),
            change("queued", "deleted"),
            change("completed", "completed", batch="batch_1"),
            change("completed", "deleted"),
            change(None, "queued", batch="batch_1"),
            change(None, "completed"),
        ]
    )
    assert [(batch, status.value) for _, batch, _, status in rows.ends] == [
        ("batch_1", "completed"),
        ("batch_1", "failed"),
        ("batch_1", "deleted"),
    ]


def test_a_batch_is_read_by_its_tenant_alone(world: World) -> None:
    made = world.create(ask(url_item("a"), url_item("b")))
    world.jobs.begin("acme", made["jobs"][0]["job_id"])
    read = ReadBatch(world.rows, world.lines)
    found = read("acme", made["batch_id"])
    assert (found["status"], found["counts"]["processing"], found["counts"]["queued"]) == ("processing", 1, 1)
    with pytest.raises(NotFound):
        read("rival", made["batch_id"])
