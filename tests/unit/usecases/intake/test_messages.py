"""Taking in what other systems ask for: one job however often it is told, and one that ends when a part is down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forensics.domain.errors import IdempotencyInFlight
from forensics.domain.intake import Arrival
from forensics.domain.job import JobStatus
from forensics.usecases.intake import PATIENCE_S
from forensics.usecases.intake_rights import Rights
from tests.support.fakes import START
from tests.support.sounds import wav
from tests.unit.usecases.intake.conftest import MESSAGE, World


def test_a_message_becomes_a_job_that_a_batchs_worker_takes_on(world: World) -> None:
    world.tell({**MESSAGE, "strict_mode": True, "metadata": {"desk": "7"}, "media_type": "audio"})
    job = world.only
    assert (job.status, job.door, job.source, job.request_id) == (JobStatus.QUEUED, "intake", "url", "id-1")
    assert (job.options.strict_mode, job.options.metadata, job.options.external_id) == (True, {"desk": "7"}, "m1")
    assert world.sent() == [{"tenant": "acme", "job_id": job.job_id, "live": True, "media_url": MESSAGE["media_url"]}]
    assert world.month.charged == [job.job_id]
    world.accept(world.sent()[0])
    assert world.audio.sent[0][0] == {"tenant": "acme", "job_id": job.job_id, "media_key": job.media_key}


def test_told_twice_it_is_one_job_and_one_bill(world: World) -> None:
    for _ in range(2):
        world.tell(MESSAGE)
    for message_id in ("id-2", "id-3"):
        world.tell({**MESSAGE, "idempotency_key": "k"}, message_id=message_id)
    assert len(world.all) == len(world.sent()) == len(world.month.charged) == 2


def test_a_key_with_another_request_fails_in_a_job_of_its_own(world: World) -> None:
    world.tell({**MESSAGE, "idempotency_key": "k"})
    for _ in range(2):
        world.tell({**MESSAGE, "external_id": "m2", "idempotency_key": "k"}, message_id="id-2")
    codes = [job.document.get("error", {}).get("code") for job in world.all]
    assert codes == [None, "idempotency-key-reused"]


def test_a_consumer_that_died_is_followed_by_one_that_ends_its_work(world: World) -> None:
    world.items.down = True
    with pytest.raises(ConnectionError):
        world.tell(MESSAGE)
    world.items.down = False
    world.tell(MESSAGE, receives=2)
    assert (len(world.sent()), len(world.month.charged), world.only.status) == (1, 1, JobStatus.QUEUED)


def test_one_that_is_at_it_is_not_disturbed(world: World) -> None:
    record_of = world.take.attempts.records
    world.tell(MESSAGE)
    (record_id,) = world.records.rows
    world.records.rows[record_id] = replace(
        world.records.rows[record_id], answer=None, locked_until_ms=int((START.timestamp() + PATIENCE_S) * 1000)
    )
    assert record_of is world.records
    with pytest.raises(IdempotencyInFlight):
        world.tell(MESSAGE)


def test_the_last_time_the_job_fails_rather_than_hangs(world: World) -> None:
    world.items.down = True
    with pytest.raises(ConnectionError):
        world.tell(MESSAGE, receives=4)
    world.tell(MESSAGE, receives=5)
    assert (world.only.status, world.code()) == (JobStatus.FAILED, "service-unavailable")


def test_a_rehearsal_is_answered_from_its_script_and_not_billed(world: World) -> None:
    world.rights["acme"] = Rights(live=False, test=True)
    world.tell({**MESSAGE, "external_id": "test:authentic", "test": True})
    world.accept(world.sent()[0])
    assert (world.only.document["verdict"], world.month.charged, world.media.objects) == ("authentic", [], {})


def test_an_upload_is_claimed_at_once(world: World) -> None:
    upload = world.uploads("acme", medium=None, size=1).upload
    world.media.objects[upload.key] = wav(seconds=1)
    request = {"tenant": "acme", "upload_id": upload.upload_id}
    world.tell(request)
    world.tell(request, message_id="id-2")
    world.accept(world.sent()[0])
    assert list(world.media.objects) == [world.all[0].media_key]
    assert [job.document.get("error", {}).get("code") for job in world.all] == [None, "upload-used"]


def test_an_arrival_shows_nothing_of_what_was_sent() -> None:
    assert "secret" not in repr(Arrival("acme", "key:secret", "r", {"media_url": "secret"}))
