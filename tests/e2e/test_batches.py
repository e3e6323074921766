"""Batches over HTTP, the list of jobs that they leave, and what may be said of a verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from forensics.domain.batch import Batch, batch_id_of
from forensics.domain.ids import numbered
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.limits import month_window
from forensics.domain.result import pending_document
from forensics.store.batches import DynamoBatches
from forensics.store.jobs import DynamoJobs
from forensics.usecases.ports import Clock
from forensics.web.batch_routes import BatchAnswer
from forensics.web.job_list_routes import JobLines
from forensics.web.schemas import Problem, Result
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud
from tests.support.bucket import Bucket
from tests.support.limits import counters_of
from tests.support.polling import DEADLINE_S, finished
from tests.support.receiver import receiver

pytestmark = pytest.mark.e2e

TENANT = "batches"
QUIET_S = 3.0  # in which nothing more may come
COLD_S = 180  # several functions start cold behind one call, on a busy machine


@pytest.fixture
def api(cloud: LocalCloud) -> Iterator[httpx2.Client]:
    """A tenant of its own, whose list of jobs holds what this file makes."""
    headers = {"Authorization": f"Bearer {cloud.create_key(tenant=TENANT, live=True)}"}
    with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=COLD_S, trust_env=False) as client:
        yield client


@pytest.fixture
def completed(api: httpx2.Client) -> Callable[[str], BatchAnswer]:
    """Wait for a batch to be completed."""

    def wait(batch_id: str) -> BatchAnswer:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            found = BatchAnswer.model_validate(api.get(f"/batches/{batch_id}").json())
            if found.status == "completed":
                return found
            time.sleep(1)
        raise AssertionError(f"{batch_id} is not completed after {DEADLINE_S} s")

    return wait


def uploaded(api: httpx2.Client, data: bytes) -> str:
    made = api.post("/uploads", json={"content_type": "image/jpeg", "size": len(data)}).json()
    with httpx2.Client(trust_env=False, timeout=60) as client:
        assert client.post(made["url"], data=made["fields"], files={"file": ("x", data)}).status_code in (200, 204)
    return str(made["upload_id"])


def test_good_items_get_verdicts_and_bad_ones_their_problems(
    cloud: LocalCloud,
    api: httpx2.Client,
    bucket: Bucket,
    completed: Callable[[str], BatchAnswer],
    photo: bytes,
    generated_a1111: bytes,
) -> None:
    items: list[dict[str, Any]] = [
        {"upload_id": uploaded(api, photo), "external_id": "photo"},
        {"upload_id": uploaded(api, generated_a1111), "external_id": "made", "media_type": "image"},
        {"upload_id": uploaded(api, photo), "external_id": "no sound", "media_type": "audio"},
        {"upload_id": "upload_unknown", "external_id": "nothing"},
        {"media_url": "https://127.0.0.1:9/x.jpg", "external_id": "nobody"},
    ]
    answer = api.post("/batches", json={"items": items})
    assert answer.status_code == 202, answer.text
    made = BatchAnswer.model_validate(answer.json())
    assert [job.external_id for job in made.jobs] == [item["external_id"] for item in items]
    assert answer.headers["location"] == made.links.self
    assert made.links.self.endswith(f"/v1/batches/{made.batch_id}")
    done = completed(made.batch_id)
    told = {job.external_id: job.error_code or job.verdict for job in done.jobs}
    assert told == {
        "photo": told["photo"],
        "made": "synthetic",
        "no sound": "media-type-mismatch",
        "nothing": "upload-not-found",
        "nobody": "media-fetch-failed",
    }
    assert (done.counts.completed, done.counts.failed, done.total) == (2, 3, 5)
    for job in done.jobs:
        assert bucket.objects(job=job.job_id) == {}
    rival = {"Authorization": f"Bearer {cloud.create_key(tenant='rival', live=True)}"}
    assert api.get(f"/batches/{made.batch_id}", headers=rival).status_code == 404


def test_the_end_of_a_batch_is_told_once(
    api: httpx2.Client, completed: Callable[[str], BatchAnswer], generated_a1111: bytes
) -> None:
    """To a webhook, signed; at least once means one id, and nothing more of the batch when its jobs are deleted."""
    with receiver() as door:
        hook = api.post("/webhook-endpoints", json={"url": door.url, "events": ["batch.completed"]}).json()
        items: list[dict[str, Any]] = [{"upload_id": uploaded(api, generated_a1111)}, {"upload_id": "upload_unknown"}]
        made = BatchAnswer.model_validate(api.post("/batches", json={"items": items}).json())
        done = completed(made.batch_id)
        assert door.wait_for(lambda: bool(door.accepted), within_s=DEADLINE_S)
        for job in done.jobs:
            assert api.delete(f"/jobs/{job.job_id}").status_code == 204
        time.sleep(QUIET_S)
        assert api.delete(f"/webhook-endpoints/{hook['id']}").status_code == 204
    assert {(message.webhook_id, message.event["type"]) for message in door.messages} == {
        (door.messages[0].webhook_id, "batch.completed")
    }
    assert all(message.signed_with(hook["secret"]) for message in door.messages)
    data = door.messages[0].event["data"]
    assert (data["batch_id"], data["total"]) == (made.batch_id, 2)
    assert data["counts"] == {"completed": 1, "failed": 1, "deleted": 0}
    after = BatchAnswer.model_validate(api.get(f"/batches/{made.batch_id}").json())
    assert (after.status, after.counts.deleted, after.completed_at) == ("completed", 2, done.completed_at)


def test_a_batch_whose_call_died_is_undone(cloud: LocalCloud, api: httpx2.Client) -> None:
    """What such a call leaves: a bill, a row, a job that waits. The timer's message comes at once here."""
    base = Clock().job_id("useast1")
    job_id, never = numbered(base, 0), numbered(base, 1)
    dynamodb = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    batch = Batch(TENANT, batch_id_of(base), (job_id, never), datetime.now(UTC))
    rows = DynamoBatches(lambda: dynamodb, cloud.outputs["BatchesTableName"], ttl_days=1)
    jobs = DynamoJobs(lambda: dynamodb, cloud.outputs["JobsTableName"], ttl_days=1)
    before = api.get("/usage").json()["month"]["used"]
    counters_of(cloud).charge(TENANT, batch.job_ids, month_window(batch.created_at), medium=None, quota=None)
    rows.create(batch)
    waiting = Job(TENANT, job_id, JobStatus.QUEUED, "", DetectOptions(), "r", batch.created_at, batch_id=batch.batch_id)
    jobs.create(replace(waiting, document=pending_document(waiting)))
    assert api.get("/usage").json()["month"]["used"] == before + 2
    sqs = session().client("sqs", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    message = {"tenant": TENANT, "batch_of": base, "items": 2}
    sqs.send_message(QueueUrl=cloud.outputs["PurgeQueueUrl"], MessageBody=json.dumps(message))
    assert finished(api, job_id)["error"]["code"] == "service-unavailable"
    assert api.get(f"/batches/{batch.batch_id}").status_code == 404
    deadline = time.monotonic() + DEADLINE_S
    while (used := api.get("/usage").json()["month"]["used"]) != before and time.monotonic() < deadline:
        time.sleep(0.5)
    assert used == before


def test_the_list_the_tag_and_the_word(api: httpx2.Client, photo: bytes, generated_a1111: bytes) -> None:
    found = [
        Result.model_validate(api.post("/detect/image", files={"file": ("x", data)}).json()).job_id
        for data in (photo, generated_a1111)
    ]
    newest = JobLines.model_validate(api.get("/jobs", params={"limit": 1, "media_type": "image"}).json())
    assert ([job.job_id for job in newest.data], newest.has_more) == (found[1:], True)
    older = api.get("/jobs", params={"limit": 1, "media_type": "image", "cursor": newest.next_cursor})
    assert [job.job_id for job in JobLines.model_validate(older.json()).data] == found[:1]
    mixed = api.get("/jobs", params={"limit": 1, "cursor": newest.next_cursor})
    assert (mixed.status_code, Problem.model_validate(mixed.json()).code) == (400, "invalid-request")

    tag = api.get(f"/jobs/{found[0]}").headers["etag"]
    assert api.get(f"/jobs/{found[0]}", headers={"If-None-Match": tag}).status_code == 304
    word = {"label": "authentic", "comment": "taken by hand"}
    assert [api.post(f"/jobs/{found[0]}/feedback", json=word).status_code for _ in range(2)] == [201, 200]
    assert api.get(f"/jobs/{found[0]}", headers={"If-None-Match": tag}).status_code == 304

    assert api.delete(f"/jobs/{found[0]}").status_code == 204
    listed = JobLines.model_validate(api.get("/jobs", params={"limit": 100}).json())
    assert found[0] not in [job.job_id for job in listed.data]
    assert api.post(f"/jobs/{found[0]}/feedback", json=word).status_code == 410


def test_the_models_are_told(api: httpx2.Client) -> None:
    names = [model["name"] for model in api.get("/models").json()["data"]]
    assert {"audio", "image", "video"} <= set(names)
