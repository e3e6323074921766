"""One call, one effect: the same key again gives the same answer, whatever became of the first attempt."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import uuid4

from forensics.domain.errors import IdempotencyInFlight, IdempotencyKeyReused
from forensics.domain.idempotency import Answer, Attempt, Record, memorable
from forensics.usecases.ports import Clock

ReadJob = Callable[[str, str], Mapping[str, Any]]
ECHOED: Mapping[str, Any] = {"external_id": None, "metadata": {}}  # a caller's own words, as a job without any has them


class Records(Protocol):
    """Records by id, each held by one attempt at a time."""

    def begin(self, record: Record, *, now_ms: int) -> Record | None:
        """Store a first attempt; return the record that is there already, if one is."""
        ...

    def take_over(self, record: Record, *, holder: str, locked_until_ms: int) -> bool:
        """Make `holder` the one whose attempt runs; False when somebody was quicker."""
        ...

    def keep(self, record_id: str, holder: str, answer: Answer) -> None:
        """Remember the answer, if the attempt is still this holder's."""
        ...

    def let_go(self, record_id: str, holder: str) -> None:
        """End the attempt without an answer, so that the next may run at once."""
        ...


class AnswerBox(Protocol):
    """Seals answers so that who reads the table cannot use what they show once; each opens for its own record alone."""

    def seal(self, body: bytes, *, record_id: str) -> bytes: ...

    def open(self, sealed: bytes, *, record_id: str) -> bytes: ...


@dataclass(frozen=True)
class Idempotency:
    """Decides what a call with a key may do, and keeps no more of its answer than nothing else does.

    `read_job` gives a job's document, or raises the error that a caller is told. With a `box` every body is sealed.
    """

    records: Records
    clock: Clock
    region: str
    read_job: ReadJob | None = None
    box: AnswerBox | None = None
    new_holder: Callable[[], str] = field(default=lambda: uuid4().hex)

    def begin(self, record_id: str, fingerprint: str, *, patience_s: float) -> Attempt | Answer:
        """Return the attempt that may run now, for `patience_s` at most, or the answer of one that ran before.

        Raises IdempotencyInFlight while another attempt runs, IdempotencyKeyReused when the key came with another content.
        """
        now_ms = self._now_ms()
        holder, until = self.new_holder(), now_ms + math.ceil(patience_s * 1000)
        fresh = Record(record_id, fingerprint, holder, until, self.clock.job_id(self.region))
        known = self.records.begin(fresh, now_ms=now_ms)
        if known is None:
            return Attempt(record_id, holder, fresh.job_id, resumed=False)
        if known.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        if known.answer is not None:
            return self._opened(known.answer, record_id)
        if known.locked_until_ms > now_ms or not self.records.take_over(known, holder=holder, locked_until_ms=until):
            wait_s = min(max(1, math.ceil((known.locked_until_ms - now_ms) / 1000)), 2)
            raise IdempotencyInFlight(headers={"Retry-After": str(wait_s)})
        return Attempt(record_id, holder, known.job_id, resumed=True)

    def end(self, attempt: Attempt, answer: Answer) -> None:
        """Remember the answer, or let the next attempt run when it is none to remember."""
        if memorable(answer.status):
            kept = self._sealed(self._without_the_jobs(answer), attempt.record_id)
            self.records.keep(attempt.record_id, attempt.holder, kept)
        else:
            self.records.let_go(attempt.record_id, attempt.holder)

    def replay(self, tenant: str, answer: Answer) -> Answer:
        """Return the answer to give again; raises NotFound or Deleted when its job is gone since."""
        if answer.job_id is None or self.read_job is None:
            return answer
        document = dict(self.read_job(tenant, answer.job_id))
        if answer.body is not None:
            document = json.loads(answer.body) | {name: document.get(name, none) for name, none in ECHOED.items()}
        return replace(answer, body=json.dumps(document).encode())

    def _without_the_jobs(self, answer: Answer) -> Answer:
        """What lies with a job lies there alone, so that deleting the job deletes it: a result, and its caller's words."""
        if self.read_job is None or answer.job_id is None or answer.body is None:
            return answer
        if answer.status == 200:
            return replace(answer, body=None)
        return replace(answer, body=json.dumps(json.loads(answer.body) | ECHOED).encode())

    def _sealed(self, answer: Answer, record_id: str) -> Answer:
        if self.box is None or answer.body is None:
            return answer
        return replace(answer, body=self.box.seal(answer.body, record_id=record_id), sealed=True)

    def _opened(self, answer: Answer, record_id: str) -> Answer:
        if self.box is None or answer.body is None or not answer.sealed:
            return answer
        return replace(answer, body=self.box.open(answer.body, record_id=record_id), sealed=False)

    def _now_ms(self) -> int:
        return int(self.clock.now().timestamp() * 1000)
