"""A video's call followed to its end, and what the functions behind it took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import httpx2

from bench._worker import peak_bytes, worker
from forensics.domain.errors import InternalError
from forensics.web.schemas import FailedJob, Result
from localcloud.cloud import LocalCloud
from tests.support.bombard import Tally, judge
from tests.support.hostile import Hostile

FUNCTIONS = ("detect_video", "video_plan", "video_frames", "video_audio", "video_join")
LATEST_S = 300.0  # a job that has not ended by then hangs; the machine's own limit is 900 s


@dataclass
class VideoTally(Tally):
    """What came back, at once or as the job's end; `ended` are the seconds until then, by name."""

    ended_s: dict[str, float] = field(default_factory=dict)

    def follow(self, api: httpx2.Client, hostile: Hostile) -> None:
        """Send one call and wait for its end: a verdict, or a problem that blames the file."""
        call = hostile.make()
        start = time.perf_counter()
        headers = {"Content-Type": call.content_type, "Prefer": "wait=20"}
        answer = api.post("/detect/video", content=call.body, headers=headers)
        fault, counted = judge(answer)
        if answer.status_code == 202 and not fault:
            fault, counted = self._end(api, answer.json()["job_id"], deadline=start + LATEST_S)
        self.ended_s[hostile.name] = time.perf_counter() - start
        self.slowest = max(self.slowest, (self.ended_s[hostile.name], hostile.name))
        self.answers[counted] += 1
        if fault:
            self.wrong.append(f"{hostile.name}: {fault}")

    def weigh_all(self, cloud: LocalCloud, name: str) -> None:
        """Note the largest of the functions' peaks."""
        for function in FUNCTIONS:
            process = worker(cloud, function)
            if process is not None:
                self.weigh(f"{function} after {name}", peak_bytes(process))

    def _end(self, api: httpx2.Client, job_id: str, *, deadline: float) -> tuple[str | None, str]:
        while time.perf_counter() < deadline:
            document = api.get(f"/jobs/{job_id}", params={"wait": 20}).json()
            if document["status"] == "completed":
                return None, f"job {Result.model_validate(document).verdict}"
            if document["status"] == "failed":
                code = FailedJob.model_validate(document).error.code
                return ("a fault of ours" if code == InternalError.code else None), f"job failed {code}"
        return "hangs", "job hangs"
