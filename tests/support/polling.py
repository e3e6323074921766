"""Waiting for what a deployed local cloud does by itself."""

from __future__ import annotations

import time
from typing import Any

import httpx2

DEADLINE_S = 120  # cold starts, some of them with models, on a busy machine


def finished(api: httpx2.Client, job_id: str) -> Any:
    """Return the job's document once it is terminal."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        document = api.get(f"/jobs/{job_id}", params={"wait": 20}).json()
        if document["status"] in ("completed", "failed"):
            return document
    raise AssertionError(f"{job_id} has not ended in {DEADLINE_S} s")
