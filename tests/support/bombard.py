"""Hostile calls sent to one endpoint of the local cloud, and a tally of what came back.

What must hold: no 5xx and no lost process, no answer later than SLOWEST_S, every answer of the contract, and the function
never above PEAK_BYTES.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2

from bench._worker import peak_bytes, worker
from forensics.domain import errors
from forensics.domain.errors import DetectorError
from forensics.web.schemas import PendingJob, Problem, Result
from localcloud.cloud import LocalCloud
from tests.support.hostile import Call, Hostile

SLOWEST_S = 20.0  # API Gateway hangs up after 29 s
PEAK_BYTES = 1536 * 1024 * 1024  # of the function's 2048 MB; docs/testing.md
DOCUMENTED = {e.code: e.status for e in vars(errors).values() if isinstance(e, type) and issubclass(e, DetectorError)}


@dataclass
class Tally:
    """What came back, and what should not have."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")

    def weigh(self, name: str, peak: int) -> None:
        """Note the call that drove the function's peak memory, in bytes, to its height."""
        if peak > self.largest[0]:
            self.largest = (peak, name)

    def add(self, name: str, answer: httpx2.Response, seconds: float) -> None:
        self.slowest = max(self.slowest, (seconds, name))
        if seconds > SLOWEST_S:
            self.wrong.append(f"{name}: {seconds:.1f} s")
        fault, counted = judge(answer)
        self.answers[counted] += 1
        if fault:
            self.wrong.append(f"{name}: {fault}")

    def __str__(self) -> str:
        lines = [f"{count:5d}  {what}" for what, count in sorted(self.answers.items())]
        lines += [f"slowest {self.slowest[0]:.1f} s: {self.slowest[1]}"]
        return "\n".join([*lines, f"largest {self.largest[0] / 2**20:.0f} MB: {self.largest[1]}"])


def judge(answer: httpx2.Response) -> tuple[str | None, str]:
    """Return what is wrong with an answer, if anything, and what to count it as."""
    kind = answer.headers.get("Content-Type", "")
    try:
        if answer.status_code == 200 and kind == "application/json":
            return None, f"200 {Result.model_validate_json(answer.content).verdict}"
        if answer.status_code == 202 and kind == "application/json":
            return None, f"202 {PendingJob.model_validate_json(answer.content).status}"
        if 400 <= answer.status_code < 500 and kind == "application/problem+json":
            problem = Problem.model_validate_json(answer.content)
            known = DOCUMENTED.get(problem.code) == problem.status == answer.status_code
            return None if known else f"undocumented {problem.code}", f"{answer.status_code} {problem.code}"
    except ValueError as error:
        return f"not of the contract: {error}", f"{answer.status_code} invalid"
    return f"HTTP {answer.status_code} {kind}: {answer.text[:300]}", f"{answer.status_code} {kind}"


def bombard(cloud: LocalCloud, calls: Sequence[Hostile], *, medium: str) -> Tally:
    """Send the calls to POST /v1/detect/<medium> one by one; prints the tally and asserts what must hold."""
    tally, key = Tally(), cloud.create_key()
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=60, trust_env=False) as api:
        _send(api, tally, medium, Hostile("warm-up", lambda: Call(b"{}", "application/json")))
        function = worker(cloud, f"detect_{medium}")
        assert function is not None
        for hostile in calls:
            _send(api, tally, medium, hostile)
            assert function.is_running(), f"{hostile.name}: the function's process died"
            tally.weigh(hostile.name, peak_bytes(function))
    print(f"\n{len(calls)} hostile calls\n{tally}")  # noqa: T201 -- the figures are the point
    assert tally.wrong == []
    assert tally.largest[0] <= PEAK_BYTES
    return tally


def _send(api: httpx2.Client, tally: Tally, medium: str, hostile: Hostile) -> None:
    call = hostile.make()
    start = time.perf_counter()
    answer = api.post(f"/detect/{medium}", content=call.body, headers={"Content-Type": call.content_type})
    tally.add(hostile.name, answer, time.perf_counter() - start)
