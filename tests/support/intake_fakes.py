"""Fakes of the intake's ports: a month's bill, dropped files, and a queue that may be down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forensics.domain.intake import Drop
from tests.support.fakes import FakeMedia, FakeQueue


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
