"""A local cloud whose frame workers take orders, with the video jobs that a test makes in it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from forensics.domain.job import Job, media_key
from localcloud.cloud import DEMO_TENANT, LocalCloud
from tests.support.bucket import Bucket
from tests.support.executions import Executions
from tests.support.faults import Faults
from tests.support.outcomes import Outcomes

DEADLINE_S = 240  # a few cold starts with models on a busy machine


@dataclass(frozen=True)
class World:
    """A local cloud whose frame workers take orders, and the jobs that its caller's calls have made."""

    cloud: LocalCloud
    faults: Faults
    executions: Executions
    outcomes: Outcomes
    jobs: list[dict[str, str]] = field(default_factory=list)

    def run(self, data: bytes) -> dict[str, str]:
        """Send a film through the front door; returns the input of its execution."""
        files = {"file": ("film.mp4", data)}
        answer = self.outcomes.api.post("/detect/video", files=files, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["job_id"]
        key = media_key(DEMO_TENANT, job_id, retain=False)
        self.jobs.append({"tenant": DEMO_TENANT, "job_id": job_id, "media_key": key})
        return self.jobs[-1]

    def ended(self, message: dict[str, str], *, name: str | None = None) -> Job:
        """The job once its execution, and what the execution's end sets off, is over; the bucket holds nothing of it."""
        eventually(lambda: self.executions.status(name or message["job_id"]) != "RUNNING")
        eventually(lambda: self.executions.job(message).status.terminal)
        eventually(lambda: Bucket(self.cloud).objects(job=message["job_id"]) == {})
        return self.executions.job(message)

    def counts(self, message: dict[str, str]) -> Counter[str]:
        return Counter(self.executions.history(message["job_id"]))

    def settle(self, *, billed_before: int) -> None:
        """Every job was told of once, as it ended; those with a verdict are billed once, those without are not."""
        completed = 0
        for message in self.jobs:
            status = self.executions.job(message).status.value
            told = {f"detection.{status}": 1, "detection.deleted": 1}
            eventually(partial(self._told, message, told))
            completed += status == "completed"
        eventually(lambda: self.outcomes.billed() - billed_before == completed)

    def _told(self, message: dict[str, str], events: dict[str, int]) -> bool:
        return self.outcomes.events(message["job_id"]) == events


def eventually(holds: Callable[[], bool], *, every_s: float = 0.1) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(every_s)
