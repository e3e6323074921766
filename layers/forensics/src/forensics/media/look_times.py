"""When a worker looks: at the moments of its plan, and densely while a face is in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from forensics.domain.video import Chunk

DENSE_STEP_S = 0.1
_TIME_DIGITS = 3


def look_times(chunk: Chunk, in_sight: Callable[[float], bool]) -> Iterator[float]:
    """Yield the seconds to look at, ascending: all that the plan names, and between them one every DENSE_STEP_S.

    Dense looks come from `chunk.dense_from_s` on, for `chunk.dense_s` seconds in all, and only while `in_sight` says of the
    moment before that a face was there: where nobody is, nothing can be measured. It is asked after that moment was looked at.
    """
    left = round(chunk.dense_s / DENSE_STEP_S)
    planned = sorted({*chunk.times, *chunk.face_times})
    yield planned[0]
    for before, after in pairwise(planned):
        steps = round((after - before) / DENSE_STEP_S, _TIME_DIGITS)
        for n in range(1, 1 + int(steps - 0.5)):
            time_s = round(before + n * DENSE_STEP_S, _TIME_DIGITS)
            if left == 0 or time_s < chunk.dense_from_s or not in_sight(round(time_s - DENSE_STEP_S, _TIME_DIGITS)):
                break
            left -= 1
            yield time_s
        yield after
