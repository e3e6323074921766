from __future__ import annotations

from dataclasses import replace

import pytest

from forensics.domain.errors import NotFound, Unauthenticated, UnsupportedMediaType
from forensics.domain.job import DetectOptions, DetectRequest, Job, JobStatus
from forensics.domain.keys import KeyRecord, hash_key, new_key
from forensics.usecases.authorize import Authorize
from forensics.usecases.forward import ChooseFunction
from forensics.usecases.get_job import GetJob
from tests.support.fakes import START, FakeFetch, FakeJobs, FakeMedia
from tests.support.uploads import no_uploads

JOB = Job("acme", "job_1", JobStatus.QUEUED, "image", DetectOptions(), "r1", START, document={"status": "queued"})
KEY = new_key(live=True)


class Wait:
    """A clock that a sleep moves on, finishing the job at the third sleep."""

    def __init__(self, jobs: FakeJobs) -> None:
        self.now, self.sleeps, self.jobs = 0.0, 0, jobs

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps += 1
        if self.sleeps == 3:
            self.jobs.finish(replace(JOB, status=JobStatus.COMPLETED, document={"status": "completed"}))

    def monotonic(self) -> float:
        return self.now


def test_another_tenants_job_is_not_found() -> None:
    jobs = FakeJobs()
    jobs.create(JOB)
    get = GetJob(jobs, FakeMedia())
    assert get("acme", "job_1") == {"status": "queued"}
    for tenant, job_id in (("rival", "job_1"), ("acme", "job_2")):
        with pytest.raises(NotFound) as caught:
            get(tenant, job_id)
        assert caught.value.detail == "There is no such job."


@pytest.mark.parametrize(("wait_s", "status", "sleeps"), [(0, "queued", 0), (0.5, "queued", 2), (5, "completed", 3)])
def test_long_polling(wait_s: float, status: str, sleeps: int) -> None:
    jobs = FakeJobs()
    jobs.create(JOB)
    wait = Wait(jobs)
    get = GetJob(jobs, FakeMedia(), sleep=wait.sleep, monotonic=wait.monotonic)
    assert (get("acme", "job_1", wait_s=wait_s)["status"], wait.sleeps) == (status, sleeps)


class Keys(dict[str, KeyRecord]):
    pass


def test_a_known_key_is_its_tenant() -> None:
    record = KeyRecord(hash_key(KEY), "acme", "free", ("detect", "jobs"), "active")
    assert Authorize(Keys({record.key_hash: record}))(f"Bearer {KEY}") == record
    assert Authorize(Keys({record.key_hash: record}))(f"bearer  {KEY} ") == record


@pytest.mark.parametrize("status", ["active", "revoked"])
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        f"Basic {KEY}",
        KEY,
        "Bearer dd_live_unknown",
        "Bearer other_" + "a" * 32,
        f"Bearer {KEY}" + "a" * 200,
    ],
)
def test_anything_else_is_unauthenticated(header: str | None, status: str) -> None:
    record = KeyRecord(hash_key(KEY), "acme", "free", ("detect",), status)
    with pytest.raises(Unauthenticated):
        Authorize(Keys({record.key_hash: record}))(header)


def test_a_revoked_key_is_unauthenticated() -> None:
    record = KeyRecord(hash_key(KEY), "acme", "free", ("detect",), "revoked")
    with pytest.raises(Unauthenticated):
        Authorize(Keys({record.key_hash: record}))(f"Bearer {KEY}")


def test_the_unified_endpoint_infers_the_medium(photo: bytes) -> None:
    fetch = FakeFetch({"https://example.org/x": photo})
    choose = ChooseFunction({"image": "fn-image"}, fetch, no_uploads())
    ask = DetectRequest("acme", "r1", DetectOptions())
    assert choose(replace(ask, data=photo)) == ("image", "fn-image")
    assert choose(replace(ask, media_url="https://example.org/x")) == ("image", "fn-image")
    assert choose(replace(ask, media_type="image", media_url="https://not.fetched")) == ("image", "fn-image")
    with pytest.raises(UnsupportedMediaType, match="does not analyse video"):
        choose(replace(ask, data=b"\x00\x00\x00\x18ftypisom" + bytes(20)))
