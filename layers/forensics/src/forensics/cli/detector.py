"""One input to one line: the contract's object plus `input`, or a problem; nothing stops the next input."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.cli.inputs import is_url
from forensics.domain.errors import DetectorError, InternalError, InvalidRequest, PayloadTooLarge, problem
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.result import Analysis, completed_document
from forensics.usecases.ports import Clock, Fetcher

REGION = TENANT = "local"


@dataclass(frozen=True)
class LineMaker:
    """Analyses inputs in this process, with the use cases of the service and no server."""

    analyse: Callable[[bytes, DetectOptions], Analysis]
    fetch: Fetcher
    options: DetectOptions
    max_bytes: int
    clock: Clock
    verbose: bool = False

    def __call__(self, item: str) -> tuple[dict[str, Any], Analysis | None]:
        """Return the line and, when there is a verdict, the analysis behind it; never raises for a bad input."""
        created_at = self.clock.now()
        try:
            data = self._read(item)
            analysis = self.analyse(data, self.options)
        except DetectorError as error:
            return _problem_line(item, error), None
        except Exception:
            if self.verbose:
                traceback.print_exc(file=sys.stderr)
            return _problem_line(item, InternalError("The analysis failed unexpectedly; --verbose tells more.")), None
        job = Job(
            tenant=TENANT,
            job_id=self.clock.job_id(REGION),
            status=JobStatus.PROCESSING,
            media_type=analysis.media_type,
            options=self.options,
            request_id="local",
            created_at=created_at,
        )
        now = self.clock.now()
        return {"input": item, **completed_document(job, analysis, completed_at=now, deleted_at=now)}, analysis

    def _read(self, item: str) -> bytes:
        if is_url(item):
            return self.fetch(item, max_bytes=self.max_bytes)
        path = Path(item)
        try:
            if path.stat().st_size > self.max_bytes:
                raise PayloadTooLarge(f"The file has more than {self.max_bytes} bytes.")
            return path.read_bytes()
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else None
            raise InvalidRequest(f"The file cannot be read: {reason or 'not a valid path'}.") from exc


def _problem_line(item: str, error: DetectorError) -> dict[str, Any]:
    return {"input": item, "status": "failed", "verdict": None, "problem": problem(error)}
