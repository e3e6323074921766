"""Where a video's time goes, by the history of its execution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.support.executions import Event

PLAN, WORK, JOIN = "Plan", "Look and listen", "Join"


@dataclass(frozen=True)
class Stages:
    """Wall seconds: of Plan; from the first frame worker's start to the last one's end, likewise of the sound, which run side by
    side; of Join; and of everything around them: the way in, queues, and the way back to the caller.
    """

    plan_s: float
    frames_s: float
    audio_s: float
    join_s: float
    waiting_s: float

    def cells(self) -> str:
        return " | ".join(f"{s:.2f}" for s in (self.plan_s, self.frames_s, self.audio_s, self.join_s, self.waiting_s))


def stages_of(events: Sequence[Event], *, wall_s: float) -> Stages:
    """Return the stages of an execution that succeeded; `events` are its own and then those of its children."""
    plan_s, work_s, join_s = (sum(_lengths(events, name)) for name in (PLAN, WORK, JOIN))
    frames_s, audio_s = (_busy(events, function) for function in ("VideoFrames", "VideoAudio"))
    return Stages(plan_s, frames_s, audio_s, join_s, max(0.0, wall_s - plan_s - work_s - join_s))


def _lengths(events: Sequence[Event], name: str) -> Iterator[float]:
    entered: datetime | None = None
    for event in events:
        if event.get("stateEnteredEventDetails", {}).get("name") == name:
            entered = event["timestamp"]
        if event.get("stateExitedEventDetails", {}).get("name") == name and entered is not None:
            yield (event["timestamp"] - entered).total_seconds()


def _busy(events: Sequence[Event], function: str) -> float:
    """Return the seconds from the function's first task to its last one's end; 0 when it had none."""
    details = ("taskScheduledEventDetails", "taskSucceededEventDetails", "taskFailedEventDetails")
    times = [e["timestamp"] for e in events if any(function in e.get(d, {}).get("resource", "") for d in details)]
    return (max(times) - min(times)).total_seconds() if times else 0.0
