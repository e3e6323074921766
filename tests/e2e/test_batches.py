"""Batches over HTTP, the list of jobs that they leave, and what may be said of a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from forensics.web.batch_routes import BatchAnswer
from forensics.web.job_list_routes import JobLines
from forensics.web.schemas import Problem, Result
from localcloud.cloud import LocalCloud
from tests.support.bucket import Bucket
from tests.support.polling import DEADLINE_S

pytestmark = pytest.mark.e2e

TENANT = "batches"
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
