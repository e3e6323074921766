"""One call, one effect: the same key again gives the same answer, whatever became of the first attempt."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from forensics.domain.errors import IdempotencyInFlight, IdempotencyKeyReused
from forensics.domain.idempotency import Answer, Attempt, Record, memorable
from forensics.usecases.ports import Clock

ReadJob = Callable[[str, str], Mapping[str, Any]]


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


@dataclass(frozen=True)
class Idempotency:
    """Decides what a call with a key may do. `read_job` gives a job's document, or raises the error that a caller is told."""

    records: Records
    clock: Clock
    region: str
    read_job: ReadJob | None = None
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
            return known.answer
        if known.locked_until_ms > now_ms or not self.records.take_over(known, holder=holder, locked_until_ms=until):
            wait_s = min(max(1, math.ceil((known.locked_until_ms - now_ms) / 1000)), 2)
            raise IdempotencyInFlight(headers={"Retry-After": str(wait_s)})
        return Attempt(record_id, holder, known.job_id, resumed=True)

    def end(self, attempt: Attempt, answer: Answer) -> None:
        """Remember the answer, or let the next attempt run when it is none to remember."""
        if memorable(answer.status):
            self.records.keep(attempt.record_id, attempt.holder, self._without_result(answer))
        else:
            self.records.let_go(attempt.record_id, attempt.holder)

    def replay(self, tenant: str, answer: Answer) -> Answer:
        """Return the answer to give again; raises NotFound or Deleted when its job is gone since."""
        if answer.job_id is None or self.read_job is None:
            return answer
        document = self.read_job(tenant, answer.job_id)
        body = json.dumps(dict(document)).encode() if answer.body is None else answer.body
        return Answer(answer.status, answer.headers, body)

    def _without_result(self, answer: Answer) -> Answer:
        """A result lies with its job alone, so that deleting the job deletes it."""
        if self.read_job is None or answer.job_id is None or answer.status != 200:
            return answer
        return Answer(answer.status, answer.headers, None, answer.job_id)

    def _now_ms(self) -> int:
        return int(self.clock.now().timestamp() * 1000)
