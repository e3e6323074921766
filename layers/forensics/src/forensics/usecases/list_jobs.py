"""List a tenant's jobs, newest first, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from forensics.domain.job_list import JobFilter, JobPage, Position, cursor_of, position_of


class JobLister(Protocol):
    def __call__(self, asked: JobFilter, *, limit: int, after: Position | None = None) -> JobPage: ...


@dataclass(frozen=True)
class Listing:
    """One page as it is answered."""

    data: tuple[Mapping[str, Any], ...]
    next_cursor: str | None


@dataclass(frozen=True)
class ListJobs:
    jobs: JobLister

    def __call__(self, asked: JobFilter, *, limit: int, cursor: str | None = None) -> Listing:
        """Return a page of at most `limit` jobs; raises InvalidRequest for a cursor of another list."""
        after = position_of(asked, cursor) if cursor else None
        page = self.jobs(asked, limit=limit, after=after)
        return Listing(page.lines, cursor_of(asked, page.next) if page.next else None)
