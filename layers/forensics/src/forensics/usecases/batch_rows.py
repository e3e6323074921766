"""What the use cases of batches keep of them."""

from __future__ import annotations

from typing import Protocol

from forensics.domain.batch import Batch
from forensics.domain.job import JobStatus


class BatchRows(Protocol):
    """Batches by tenant and id; another tenant's and an expired one do not exist."""

    def create(self, batch: Batch) -> None:
        """Store the batch; one that is there already stays as it is."""
        ...

    def accept(self, tenant: str, batch_id: str) -> bool:
        """Note that all its jobs are made and sent on their way; False when the batch was forgotten meanwhile."""
        ...

    def forget(self, tenant: str, batch_id: str) -> bool:
        """Remove a batch that was never accepted; False when it was. One that is not there is forgotten already."""
        ...

    def get(self, tenant: str, batch_id: str) -> Batch | None: ...

    def end_job(self, tenant: str, batch_id: str, job_id: str, status: JobStatus) -> None:
        """Count the end of a job, once however often it is told; with the last one the batch becomes completed, exactly once."""
        ...
