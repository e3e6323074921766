"""A face from moment to moment: the numbers behind the signals over time (docs/signals.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forensics.domain.tracks import FaceMeasures, Point, likeness
from forensics.media.face_measures import FaceMoment

LONGEST_STEP_S = 0.25  # between two moments that are compared
LEAST_TRIPLES = 6
LEAST_BLINK_MOMENTS = 12
BLINK_DIP = 0.85  # of the eyes' median contrast
LONGEST_BLINK_S = 0.6
_DIGITS = 5


@dataclass(frozen=True)
class Moment:
    """A face at one second: its landmarks in pixels of the frame, and what its crop measured."""

    time_s: float
    landmarks: tuple[Point, ...]
    seen: FaceMoment


Triple = tuple[Moment, Moment, Moment]


def measure_motion(moments: Sequence[Moment]) -> FaceMeasures:
    """Return what the moments of one face, by time, tell together."""
    triples = list(_triples(moments))
    return FaceMeasures(
        seconds=round(sum(b.time_s - a.time_s for a, b in _steps(moments)), 3),
        flicker=_median(triples, _flicker),
        landmark_jitter=_median(triples, _jitter),
        blinks=_blinks(moments),
        identity_drift=_drift(moments),
    )


def _steps(moments: Sequence[Moment]) -> list[tuple[Moment, Moment]]:
    return [(a, b) for a, b in pairwise(moments) if 0 < b.time_s - a.time_s <= LONGEST_STEP_S]


def _triples(moments: Sequence[Moment]) -> Iterator[Triple]:
    for a, b, c in zip(moments, moments[1:], moments[2:], strict=False):
        if 0 < b.time_s - a.time_s <= LONGEST_STEP_S and 0 < c.time_s - b.time_s <= LONGEST_STEP_S:
            yield a, b, c


def _median(triples: Sequence[Triple], of: Callable[[Triple], float]) -> float | None:
    return round(float(np.median([of(t) for t in triples])), _DIGITS) if len(triples) >= LEAST_TRIPLES else None


def _bend(triple: Triple, of: Callable[[Moment], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return how far the middle value lies off the straight line between the two around it: steady motion bends nothing."""
    a, b, c = triple
    share = (b.time_s - a.time_s) / (c.time_s - a.time_s)
    return of(b) - (1 - share) * of(a) - share * of(c)


def _flicker(triple: Triple) -> float:
    """The face's brightness against that of what is around it, in logarithms: lamps and exposure change both."""
    return float(np.abs(_bend(triple, lambda m: np.array(math.log((m.seen.brightness + 1) / (m.seen.around + 1))))))


def _jitter(triple: Triple) -> float:
    """The landmarks against their common motion, in eye distances."""
    bends = _bend(triple, lambda m: np.array(m.landmarks))
    eyes = np.array(triple[1].landmarks[:2])
    apart = max(1.0, float(np.hypot(*(eyes[0] - eyes[1]))))
    return float(np.hypot(*(bends - bends.mean(axis=0)).T).mean()) / apart


def _blinks(moments: Sequence[Moment]) -> int | None:
    """Count the dips of the eyes' contrast that end within LONGEST_BLINK_S."""
    watched = [m for pair in _steps(moments) for m in pair]
    if len(watched) < 2 * LEAST_BLINK_MOMENTS:
        return None
    closed_below = BLINK_DIP * float(np.median([m.seen.eyes for m in watched]))
    blinks = 0
    since: float | None = None
    for moment in moments:
        if moment.seen.eyes < closed_below:
            since = moment.time_s if since is None else since
        else:
            blinks += since is not None and moment.time_s - since <= LONGEST_BLINK_S
            since = None
    return blinks


def _drift(moments: Sequence[Moment]) -> float | None:
    """Return how unlike the face is to its own mean: one less the mean correlation of coarse likenesses."""
    if len(moments) < LEAST_TRIPLES:
        return None
    mean = np.mean([m.seen.likeness for m in moments], axis=0).tolist()
    return round(1.0 - float(np.mean([likeness(m.seen.likeness, mean) for m in moments])), _DIGITS)
