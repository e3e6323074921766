"""What the administrator is shown of a job's audit."""

from __future__ import annotations

from collections.abc import Sequence

from forensics.domain.audit import AuditEntry
from forensics.domain.job import timestamp


class NothingKnown(Exception):
    """The audit has no entry of that id."""


def table(entries: Sequence[AuditEntry]) -> str:
    """Return the entries as a table, one a line; raises NothingKnown when there are none."""
    if not entries:
        raise NothingKnown("the audit knows nothing of that id")
    rows = [("AT", "STEP", "TENANT", "FUNCTION")]
    rows += [(timestamp(e.at), e.step.value, e.tenant, e.function or "-") for e in entries]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
