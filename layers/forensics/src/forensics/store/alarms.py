"""What the stack's own alarms say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from forensics.domain.status import State, worst

_STATES = {"OK": State.OPERATIONAL, "ALARM": State.DEGRADED}  # and INSUFFICIENT_DATA: unknown
MOST_ALARMS = 100  # of one call


class CloudWatch(Protocol):
    def describe_alarms(self, *, AlarmNames: Sequence[str], MaxRecords: int) -> Mapping[str, Any]: ...  # noqa: N803


@dataclass(frozen=True)
class CloudWatchAlarms:
    """Alarms by the part of the installation that they watch."""

    client: Callable[[], CloudWatch]
    alarms: Mapping[str, Sequence[str]]

    def __call__(self) -> Mapping[str, State]:
        """Return each part's state, in one call; raises what botocore raises."""
        names = [name for group in self.alarms.values() for name in group]
        answer = self.client().describe_alarms(AlarmNames=names, MaxRecords=MOST_ALARMS)
        said = {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}
        return {
            part: worst(_STATES.get(said.get(name, ""), State.UNKNOWN) for name in group)
            for part, group in self.alarms.items()
        }
