"""The public status: read from the alarms at most every few seconds, whoever asks how often."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from forensics.domain.status import State, Status
from forensics.usecases.ports import Clock

FRESH = timedelta(seconds=15)
logger = logging.getLogger(__name__)


@dataclass
class ReadStatus:
    """Remembers what it read for FRESH; alarms that cannot be read are told as `unknown`, and the caller is answered."""

    parts: tuple[str, ...]
    read: Callable[[], Mapping[str, State]]
    clock: Clock
    _last: Status | None = field(default=None, init=False)

    def __call__(self) -> Status:
        now = self.clock.now()
        if self._last is None or now - self._last.checked_at >= FRESH:
            self._last = Status(self._read(), now)
        return self._last

    def _read(self) -> Mapping[str, State]:
        try:
            return self.read()
        except Exception:  # whatever it is, the status says that it is not known
            logger.exception("the alarms could not be read")
            return dict.fromkeys(self.parts, State.UNKNOWN)
