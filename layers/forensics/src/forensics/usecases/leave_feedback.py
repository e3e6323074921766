"""Keep what a caller says of a verdict beside the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from forensics.domain.errors import Deleted, NotFound, NoVerdict
from forensics.domain.feedback import Feedback, Label
from forensics.domain.job import Job, JobStatus
from forensics.usecases.ports import Clock


class FeedbackRows(Protocol):
    def get(self, tenant: str, job_id: str) -> Job | None: ...

    def leave_feedback(self, tenant: str, job_id: str, key_id: str, feedback: Feedback) -> bool | None:
        """Write it into the row of a completed job: True when the key's first, False when it replaced one; None otherwise."""
        ...


@dataclass(frozen=True)
class LeaveFeedback:
    jobs: FeedbackRows
    clock: Clock

    def __call__(
        self, tenant: str, job_id: str, *, key_id: str, label: Label, comment: str | None = None
    ) -> tuple[Feedback, bool]:
        """Return what was kept and whether it is the key's first word; raises NotFound, Deleted or NoVerdict."""
        feedback = Feedback(label, comment, self.clock.now())
        first = self.jobs.leave_feedback(tenant, job_id, key_id, feedback)
        if first is None:
            raise self._why_not(tenant, job_id)
        return feedback, first

    def _why_not(self, tenant: str, job_id: str) -> Exception:
        job = self.jobs.get(tenant, job_id)
        if job is None:
            return NotFound("There is no such job.")
        if job.status is JobStatus.DELETED:
            return Deleted("This job was deleted.")
        return NoVerdict(f"The job is {job.status.value}: it has no verdict to speak of.")
