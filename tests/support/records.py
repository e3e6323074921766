"""Idempotency records in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from forensics.domain.idempotency import Answer, Record


@dataclass
class Records:
    """What the table does, for one process: a record is taken over only from the holder who was seen."""

    rows: dict[str, Record] = field(default_factory=dict)

    def begin(self, record: Record, *, now_ms: int) -> Record | None:
        if record.record_id in self.rows:
            return self.rows[record.record_id]
        self.rows[record.record_id] = record
        return None

    def take_over(self, record: Record, *, holder: str, locked_until_ms: int) -> bool:
        if self.rows[record.record_id].holder != record.holder:
            return False
        self.rows[record.record_id] = replace(record, holder=holder, locked_until_ms=locked_until_ms)
        return True

    def keep(self, record_id: str, holder: str, answer: Answer) -> None:
        self.rows[record_id] = replace(self.rows[record_id], answer=answer)

    def let_go(self, record_id: str, holder: str) -> None:
        self.rows[record_id] = replace(self.rows[record_id], locked_until_ms=0)
