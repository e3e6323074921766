"""Which frames of a video are looked at, and by whom."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

from forensics.domain.cuts import early_keyframes
from forensics.domain.video import Chunk

MAX_FRAMES = 48  # looks at a video of up to LONG_S; then one more every SECONDS_PER_LOOK
LONG_S = 60.0
SECONDS_PER_LOOK = 16.0
LEAST_FRAMES = 4
FRAMES_PER_SECOND = 2.0
FRAMES_PER_CHUNK = 8
# A look searches for faces, which is cheap. Every so many of them are also looked at as whole pictures, which is not.
MAX_WHOLE_FRAMES = 16
WHOLE_FRAMES_PER_SECOND = 0.7
# Of a film too long for FRAMES_PER_SECOND, looks around a cut are so many times as dense as elsewhere, for a second or one step of
# the even looks to either side.
CUT_WEIGHT = 2.0
LEAST_CUT_SECONDS = 1.0
# Some seconds of every chunk in which a face is in sight, from its first cut or else its first look on, are looked at so densely
# (`look_times`) that what moves in a face can be measured.
DENSE_SECONDS = 10.0  # of all chunks together
LEAST_DENSE_SECONDS = 1.8
_EDGE_S = 0.05  # the last frame begins before the video ends
_TIME_DIGITS = 3


def plan_chunks(
    duration_s: float, *, keyframes: Sequence[float], most: int = MAX_FRAMES, per_chunk: int = FRAMES_PER_CHUNK
) -> tuple[Chunk, ...]:
    """Share the looks at a video out in chunks that cover it from 0 to `duration_s`.

    `keyframes` are their times in seconds, ascending; empty when the file has no index. A look near a keyframe is taken from
    it, and a chunk begins with a keyframe where one lies between its first look and the last of the chunk before. Keyframes that
    come early tell of cuts: around them looks are denser, for as many fewer elsewhere.
    """
    cuts = early_keyframes(keyframes, duration_s)
    looks = frame_times(duration_s, keyframes=keyframes, cuts=cuts, most=most)
    groups = _groups(looks, keyframes, per_chunk=per_chunk)
    starts = [0.0, *(_cut(a[-1], b[0], keyframes) for a, b in pairwise(groups))]
    ends = [*starts[1:], round(duration_s, _TIME_DIGITS)]
    share = min(1.0, _whole_frames(duration_s) / len(looks))
    dense_s = max(LEAST_DENSE_SECONDS, DENSE_SECONDS / len(groups))
    chunks = []
    for index, (start, end, group) in enumerate(zip(starts, ends, groups, strict=True)):
        dense_from = _dense_from(group, dense_s, cuts)
        whole, searched = spread(group, share), tuple(sorted({*group, dense_from}))
        chunks.append(Chunk(index, start, end, whole, searched, dense_from, dense_s))
    return tuple(chunks)


def spread(looks: Sequence[float], share: float) -> tuple[float, ...]:
    """Return that share of the looks, at least one, each from the middle of as many equal parts."""
    count = max(1, math.floor(len(looks) * share))
    return tuple(looks[math.floor((i + 0.5) * len(looks) / count)] for i in range(count))


def _dense_from(looks: Sequence[float], dense_s: float, cuts: Sequence[float]) -> float:
    """Return the first cut that leaves room for dense looks, else the first look: what is measured over time ends at a cut."""
    return next((cut for cut in cuts if looks[0] <= cut <= looks[-1] - dense_s), looks[0])


def _whole_frames(duration_s: float) -> int:
    return max(LEAST_FRAMES, min(MAX_WHOLE_FRAMES, math.ceil(duration_s * WHOLE_FRAMES_PER_SECOND) + 1))


def frame_times(
    duration_s: float, *, keyframes: Sequence[float], cuts: Sequence[float] = (), most: int = MAX_FRAMES
) -> list[float]:
    """Return the times to look at: the first and the last moment, evenly between but denser around cuts, moved to a keyframe
    that lies close by.
    """
    budget = most + math.floor(max(0.0, duration_s - LONG_S) / SECONDS_PER_LOOK)
    count = max(LEAST_FRAMES, min(budget, math.ceil(duration_s * FRAMES_PER_SECOND) + 1))
    last = max(0.0, duration_s - _EDGE_S)
    step = last / (count - 1)
    even = _shared_out(last, count, cuts)
    moved = [even[0], *(_near(t, keyframes, within=step / 3) for t in even[1:-1]), even[-1]]
    return sorted({round(t, _TIME_DIGITS) for t in moved})


def _shared_out(last: float, count: int, cuts: Sequence[float]) -> list[float]:
    """Return `count` times from 0 to `last`, CUT_WEIGHT times as dense around cuts as elsewhere."""
    if not cuts or last / (count - 1) <= 1 / FRAMES_PER_SECOND:  # nowhere is looked more often than that
        return [i * last / (count - 1) for i in range(count)]
    reach = max(LEAST_CUT_SECONDS, last / (count - 1))
    edges = sorted({0.0, last, *(min(last, max(0.0, cut + side)) for cut in cuts for side in (-reach, reach))})
    weights = [_weight((a + b) / 2, cuts, reach) * (b - a) for a, b in pairwise(edges)]
    until = [0.0, *accumulate(weights)]
    wanted = [until[-1] * i / (count - 1) for i in range(count)]
    return [_at(share, until, edges) for share in wanted]


def _weight(time_s: float, cuts: Sequence[float], reach: float) -> float:
    after = bisect.bisect_left(cuts, time_s)
    return CUT_WEIGHT if any(abs(cut - time_s) < reach for cut in cuts[max(0, after - 1) : after + 1]) else 1.0


def _at(share: float, until: Sequence[float], edges: Sequence[float]) -> float:
    """Return the time by which so much of the weight has passed."""
    n = min(max(1, bisect.bisect_left(until, share)), len(until) - 1)
    part = (share - until[n - 1]) / (until[n] - until[n - 1]) if until[n] > until[n - 1] else 0.0
    return edges[n - 1] + min(1.0, part) * (edges[n] - edges[n - 1])


def _groups(times: Sequence[float], keyframes: Sequence[float], *, per_chunk: int) -> list[Sequence[float]]:
    """Part the times, half of `per_chunk` to `per_chunk` together, where a keyframe lies between two: nothing is decoded twice."""
    groups, left = [], times
    while len(left) > per_chunk + 1:  # one look alone is no chunk
        cuts = [n for n in range(per_chunk, per_chunk // 2, -1) if _keyframe_between(left[n - 1], left[n], keyframes)]
        size = cuts[0] if cuts else per_chunk
        groups.append(left[:size])
        left = left[size:]
    return [*groups, left]


def _keyframe_between(before: float, after: float, keyframes: Sequence[float]) -> bool:
    at = bisect.bisect_right(keyframes, after) - 1
    return at >= 0 and keyframes[at] > before


def _near(time_s: float, keyframes: Sequence[float], *, within: float) -> float:
    at = bisect.bisect_left(keyframes, time_s)
    close = [k for k in keyframes[max(0, at - 1) : at + 1] if abs(k - time_s) <= within]
    return min(close, key=lambda k: abs(k - time_s), default=time_s)


def _cut(before: float, after: float, keyframes: Sequence[float]) -> float:
    """Return where one chunk ends and the next begins: at the last keyframe between them, else halfway."""
    if not _keyframe_between(before, after, keyframes):
        return round((before + after) / 2, _TIME_DIGITS)
    return round(keyframes[bisect.bisect_right(keyframes, after) - 1], _TIME_DIGITS)
