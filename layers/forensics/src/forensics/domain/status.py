"""How the installation does, for anybody to read: part by part, as its alarms have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """`unknown` is a part of which nothing was measured yet, or whose alarms could not be read."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Status:
    """The state of the whole and of its parts by name, at the moment when the alarms were read."""

    parts: Mapping[str, State]
    checked_at: datetime

    @property
    def whole(self) -> State:
        """Degraded when a part is; who answers at all is operational, whatever is not known."""
        return State.DEGRADED if State.DEGRADED in self.parts.values() else State.OPERATIONAL


def worst(states: Iterable[State]) -> State:
    """Return the state of a part with several alarms: one that rings is enough, and one that knows."""
    found = set(states)
    order = (State.DEGRADED, State.OPERATIONAL)
    return next((state for state in order if state in found), State.UNKNOWN)
