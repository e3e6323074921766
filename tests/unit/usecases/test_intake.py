"""Taking in what other systems ask for: one job however often it is told, and its problem in it when there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from forensics.domain.audit import Step
from forensics.domain.errors import IdempotencyInFlight, MediaUrlForbidden
from forensics.domain.events import RowChange
from forensics.domain.idempotency import Answer, Record
from forensics.domain.intake import Arrival, Delivery, Drop, NotAttributable, opened
from forensics.domain.job import Job, JobStatus
from forensics.domain.keys import KeyRecord
from forensics.usecases.accept_item import AcceptItem
from forensics.usecases.audit import job_steps
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.idempotency import Idempotency
from forensics.usecases.intake import PATIENCE_S, TakeIn
from forensics.usecases.intake_rights import REMEMBERED_S, ReadRights, Rights, rights_of
from forensics.usecases.limit_calls import Billing
from forensics.usecases.uploads import CreateUpload, TakeUpload
from forensics.web.intake_body import read_fields, salvage
from tests.support.fakes import START, FakeClock, FakeJobs, FakeMedia, FakeQueue
from tests.support.sounds import wav
from tests.support.uploads import FakeUploadFiles, FakeUploadRows

LIMITS = {"image": 1000, "audio": 500_000, "video": 2000}
MESSAGE = {"tenant": "acme", "external_id": "m1", "media_url": "https://example.org/a.wav"}


@dataclass
class Records:
    """Idempotency records in memory."""

    rows: dict[str, Record] = field(default_factory=dict)

    def begin(self, record: Record, *, now_ms: int) -> Record | None:
        known = self.rows.get(record.record_id)
        self.rows.setdefault(record.record_id, record)
        return known

    def take_over(self, record: Record, *, holder: str, locked_until_ms: int) -> bool:
        self.rows[record.record_id] = replace(record, holder=holder, locked_until_ms=locked_until_ms)
        return True

    def keep(self, record_id: str, holder: str, answer: Answer) -> None:
        self.rows[record_id] = replace(self.rows[record_id], answer=answer)

    def let_go(self, record_id: str, holder: str) -> None:
        self.rows[record_id] = replace(self.rows[record_id], locked_until_ms=0)


@dataclass
class Month:
    room: int = 10
    charged: list[str] = field(default_factory=list)

    def charge(self, tenant: str, jobs: list[str], window: Any, *, medium: str | None, quota: int | None) -> bool:
        new = [job for job in jobs if job not in self.charged]
        if len(self.charged) + len(new) > self.room:
            return False
        self.charged += new
        return True


@dataclass
class Drops:
    media: FakeMedia
    etags: dict[str, str] = field(default_factory=dict)

    def move(self, drop: Drop, to: str) -> bool:
        if drop.key in self.media.objects and drop.etag in ("", self.etags.get(drop.key)):
            self.media.objects[to] = self.media.objects.pop(drop.key)
        return to in self.media.objects

    def delete(self, drop: Drop) -> None:
        if drop.etag in ("", self.etags.get(drop.key)):
            self.media.objects.pop(drop.key, None)


@dataclass
class Line(FakeQueue):
    """A queue that may be down."""

    down: bool = False

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        if self.down:
            raise ConnectionError("the queue is down")
        super().send(message, delay_s=delay_s)


class World:
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


def test_an_unknown_tenant_makes_nothing(world: World) -> None:
    with pytest.raises(NotAttributable):
        world.tell({**MESSAGE, "tenant": "nobody"})
    assert world.all == [] and world.records.rows == {}


@pytest.mark.parametrize(
    ("more", "code", "pointer"),
    [
        ({"media_url": None}, "invalid-request", None),
        ({"upload_id": "upload_1"}, "invalid-request", None),
        ({"retain": "yes"}, "invalid-request", "/retain"),
        ({"more": 1}, "invalid-request", "/more"),
        ({"media_url": None, "key": "intake/rival/named/a.wav"}, "invalid-request", "/key"),
        ({"media_url": None, "key": "intake/acme/a.wav"}, "invalid-request", "/key"),
        ({"callback_url": "https://internal/"}, "media-url-forbidden", None),
        ({"media_url": None, "upload_id": "upload_unknown"}, "upload-not-found", None),
        ({"media_url": None, "key": "intake/acme/named/gone.wav"}, "upload-not-found", None),
    ],
)
def test_a_bad_request_is_a_failed_job(world: World, more: dict[str, Any], code: str, pointer: str | None) -> None:
    for _ in range(2):
        world.tell({**MESSAGE, **more})
    assert (world.code(), world.only.options.external_id, world.sent()) == (code, "m1", [])
    assert world.only.options.callback_url is None
    pointers = [error["pointer"] for error in world.only.document["error"].get("errors", [])]
    assert pointers == ([pointer] if pointer else [])


def test_beyond_the_month_it_fails_with_the_problem(world: World) -> None:
    world.month.room = 0
    world.tell(MESSAGE)
    assert (world.code(), world.only.document["retention"]["deleted_at"]) == (
        "quota-exceeded",
        world.only.document["completed_at"],
    )


def test_a_tenant_without_a_living_key_may_ask_for_nothing(world: World) -> None:
    world.rights["acme"] = Rights(live=False, test=False)
    world.tell(MESSAGE)
    assert world.code() == "forbidden"


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


def test_a_dropped_file_moves_to_its_job(world: World) -> None:
    told = world.drop("intake/acme/call.wav", wav(seconds=1))
    for _ in range(2):
        world.tell(told)
    world.accept(world.sent()[0])
    assert (world.only.options.external_id, world.only.media_type) == ("call.wav", "audio")
    assert list(world.media.objects) == [f"media/acme/{world.only.job_id}"]


def test_a_file_that_took_the_name_of_another_is_not_taken_for_it(world: World) -> None:
    first = world.drop("intake/acme/call.wav", b"first", etag="e1")
    second = world.drop("intake/acme/call.wav", wav(seconds=1), etag="e2")
    world.tell(first)
    world.tell(second, message_id="id-2")
    assert [job.document.get("error", {}).get("code") for job in world.all] == ["upload-not-found", None]


def test_a_refused_file_is_gone_with_its_verdict(world: World) -> None:
    world.tell(world.drop("intake/acme/huge.mp4", b"x", size=LIMITS["audio"] + 1))
    assert (world.code(), world.media.objects) == ("payload-too-large", {})


def test_the_audit_tells_of_a_drop(world: World) -> None:
    world.tell(world.drop("intake/acme/call.wav", wav(seconds=1)))
    before = row(world.only)
    assert [entry.step for entry in job_steps(RowChange({}, before, START))] == [Step.ACCEPTED]
    world.accept(world.sent()[0])
    steps = [entry.step for entry in job_steps(RowChange(before, row(world.only), START))]
    assert steps == [Step.DROPPED, Step.STORED]


def row(job: Job) -> dict[str, str]:
    return {
        "tenant": job.tenant,
        "job_id": job.job_id,
        "status": job.status.value,
        "created_at": job.created_at.isoformat(),
        "source": job.source,
        "door": job.door,
        "media_key": str(job.media_key),
        "document": json.dumps(job.document),
    }


def test_the_rights_of_a_tenant_are_those_of_its_living_keys() -> None:
    free = KeyRecord("h1", "acme", "free", ("detect",), "active")
    pro, scripted = replace(free, plan="pro"), replace(free, live=False)
    assert rights_of([]) == Rights(live=False, test=False)
    assert rights_of([scripted]) == Rights(live=False, test=True)
    assert rights_of([free, replace(free, per_month=70), scripted]) == Rights(live=True, test=True, per_month=70)
    assert rights_of([free, pro]).per_month is None


def test_rights_are_remembered_for_a_minute_and_nobodys_are_not() -> None:
    @dataclass
    class Keys:
        found: list[KeyRecord] = field(default_factory=list)

        def of(self, tenant: str) -> list[KeyRecord]:
            return self.found

    keys, clock = Keys(), FakeClock()
    read = ReadRights(keys, clock)
    assert read("acme") is None
    keys.found = [
        KeyRecord("h", "acme", "free", ("detect",), "active"),
        KeyRecord("i", "acme", "pro", ("jobs",), "active"),
    ]
    assert read("acme") == Rights(live=True, test=True, per_month=50)
    keys.found = [replace(key, status="revoked") for key in keys.found]
    assert read("acme") == Rights(live=True, test=True, per_month=50)
    clock.ticks[0] += int(REMEMBERED_S * 10)
    assert read("acme") == Rights(live=False, test=False)


def test_an_arrival_shows_nothing_of_what_was_sent() -> None:
    assert "secret" not in repr(Arrival("acme", "key:secret", "r", {"media_url": "secret"}))
