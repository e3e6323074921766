"""Fakes of the intake's ports: the records of keys, a month's bill, dropped files, and a queue that may be down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from forensics.domain.idempotency import Answer, Record
from forensics.domain.intake import Drop
from tests.support.fakes import FakeMedia, FakeQueue


@dataclass
class Records:
    """Idempotency records in memory."""

    rows: dict[str, Record] = field(default_factory=dict)

    def begin(self, record: Record, *, now_ms: int) -> Record | None:
        known = self.rows.get(record.record_id)
        self.rows.setdefault(record.record_id, record)
        return known

    def take_over(self, record: Record, *, holder: str, locked_until_ms: int) -> bool:
        self.rows[record.record_id] = replace(record, holder=holder, locked_until_ms=locked_until_ms)
        return True

    def keep(self, record_id: str, holder: str, answer: Answer) -> None:
        self.rows[record_id] = replace(self.rows[record_id], answer=answer)

    def let_go(self, record_id: str, holder: str) -> None:
        self.rows[record_id] = replace(self.rows[record_id], locked_until_ms=0)


@dataclass
class Month:
    room: int = 10
    charged: list[str] = field(default_factory=list)

    def charge(self, tenant: str, jobs: list[str], window: Any, *, medium: str | None, quota: int | None) -> bool:
        new = [job for job in jobs if job not in self.charged]
        if len(self.charged) + len(new) > self.room:
            return False
        self.charged += new
        return True


@dataclass
class Drops:
    media: FakeMedia
    etags: dict[str, str] = field(default_factory=dict)

    def move(self, drop: Drop, to: str) -> bool:
        if drop.key in self.media.objects and drop.etag in ("", self.etags.get(drop.key)):
            self.media.objects[to] = self.media.objects.pop(drop.key)
        return to in self.media.objects

    def delete(self, drop: Drop) -> None:
        if drop.etag in ("", self.etags.get(drop.key)):
            self.media.objects.pop(drop.key, None)


@dataclass
class Line(FakeQueue):
    """A queue that may be down."""

    down: bool = False

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        if self.down:
            raise ConnectionError("the queue is down")
        super().send(message, delay_s=delay_s)
