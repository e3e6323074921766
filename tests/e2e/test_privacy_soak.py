"""Three hundred jobs of every fate at once: how long files outlive their verdicts, what is left; `pytest -s` prints it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud
from tests.support.polling import finished
from tests.support.sounds import wav

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]

JOBS = 300
PROMISE_S, MOST_S = 60, 1
PATIENCE_S = 300  # of one call, on a busy machine
CALLERS = 2  # each in its own process, with its own copy of the model


def fate(index: int) -> str:
    """Of ten jobs: six pictures, a recording, two pictures that break in the middle, and one that its owner deletes."""
    return ("picture", "picture", "broken", "picture", "sound", "picture", "deleted", "picture", "broken", "picture")[
        index % 10
    ]


def send(api: httpx2.Client, index: int, *, photo: bytes) -> tuple[str, str]:
    kind = fate(index)
    data = {"broken": photo[: len(photo) // 2], "sound": wav(seconds=1)}.get(kind, photo)
    path = "/detect/audio" if kind == "sound" else "/detect/image"
    answer = api.post(path, files={"file": data}, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    if kind == "deleted":
        assert api.delete(f"/jobs/{job_id}").status_code == 204
    return kind, job_id


def purge_lag_s(api: httpx2.Client, job_id: str) -> float:
    """Return the seconds from the job's end to the deletion of its file, as its receipt says."""
    document = finished(api, job_id)
    deadline = time.monotonic() + PROMISE_S
    while document["retention"]["deleted_at"] is None and time.monotonic() < deadline:
        time.sleep(0.5)
        document = api.get(f"/jobs/{job_id}").json()
    deleted, ended = document["retention"]["deleted_at"], document["completed_at"]
    return (datetime.fromisoformat(deleted) - datetime.fromisoformat(ended)).total_seconds()


def left(cloud: LocalCloud) -> list[str]:
    s3: Any = session().client("s3", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=cloud.outputs["MediaBucketName"])
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def temporary(cloud: LocalCloud) -> list[Path]:
    scratch = cloud.emulator.log.parent
    found = (f.relative_to(scratch) for f in scratch.rglob("*") if f.is_file())
    return [file for file in found if file.name != "emulator.log" and not file.parts[0].startswith("ministack-")]


def test_no_file_outlives_its_verdict(cloud: LocalCloud, api: httpx2.Client, photo: bytes) -> None:
    api.timeout = httpx2.Timeout(PATIENCE_S)
    before = set(left(cloud))
    with ThreadPoolExecutor(CALLERS) as pool:
        sent = list(pool.map(lambda index: send(api, index, photo=photo), range(JOBS)))
        told = [job_id for kind, job_id in sent if kind != "deleted"]
        lags = np.array(list(pool.map(lambda job_id: purge_lag_s(api, job_id), told)))
    statuses = {
        kind: {api.get(f"/jobs/{j}").status_code for k, j in sent if k == kind} for kind in ("broken", "deleted")
    }
    figures = f"p50 {np.median(lags):.3f} s, p95 {np.percentile(lags, 95):.3f} s, p100 {lags.max():.3f} s"
    orphans = set(left(cloud)) - before
    print(f"\n{JOBS} jobs, {len(lags)} receipts, file gone after the verdict: {figures}; {len(orphans)} objects left")  # noqa: T201
    assert lags.max() <= PROMISE_S and np.median(lags) <= MOST_S
    assert (orphans, temporary(cloud)) == (set(), [])
    assert statuses == {"broken": {200}, "deleted": {410}}
