"""Do lips and voice belong together: both as traces at one rate, correlated at lags near none and far from it."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forensics.domain.plain import Plain

HZ = 25
NEAR_S = 0.24  # a film's own offset of sound and picture
APART_S = 0.48  # lags between this
FAR_S = 2.0  # and this are of sounds that do not belong to the moment
LEAST_S = 3.0  # of lips together with voice
LOUDEST_SHARE = 0.1  # of the far lags, whose mean is what a foreign sound reaches by chance
_MOST = 127
STEP = 32  # one unit deviation in steps of the stored bytes

Row = tuple[int, ...]


@dataclass(frozen=True)
class Trace(Plain):
    """Moments at HZ from a second of the film on: `width` signed bytes each, row by row, in Base64."""

    start_s: float
    width: int
    data: str

    @classmethod
    def of(cls, start_s: float, rows: Sequence[Sequence[float]]) -> Trace:
        """Return rows of numbers of about unit deviation as a trace; what is beyond four deviations is cut."""
        stored = array("b", (max(-_MOST, min(_MOST, round(STEP * v))) for row in rows for v in row))
        return cls(start_s, len(rows[0]) if rows else 0, base64.b64encode(stored.tobytes()).decode())

    @property
    def rows(self) -> list[Row]:
        """The moments in steps of 1 / 32."""
        flat = array("b", base64.b64decode(self.data))
        return [tuple(flat[n : n + self.width]) for n in range(0, len(flat), max(1, self.width))]


def lip_sync(lips: Sequence[Trace], voice: Trace) -> float | None:
    """Return by how much lips correlate better with the voice of their moment than with its best far moments, about -0.3..0.6.

    All traces of lips count together; None when there are less than LEAST_S of them within the voice.
    """
    sound = voice.rows
    pairs = [(trace.rows, round((trace.start_s - voice.start_s) * HZ)) for trace in lips]
    if sum(_within(seen, at, len(sound)) for seen, at in pairs) < LEAST_S * HZ:
        return None
    near, apart, far = (round(s * HZ) for s in (NEAR_S, APART_S, FAR_S))
    best = max(_correlation(pairs, sound, lag) for lag in range(-near, near + 1))
    away = sorted(_correlation(pairs, sound, sign * lag) for lag in range(apart + 1, far + 1) for sign in (-1, 1))
    chance = away[-max(1, round(len(away) * LOUDEST_SHARE)) :]
    return best - sum(chance) / len(chance)


def _within(seen: Sequence[Row], at: int, length: int) -> int:
    return max(0, min(at + len(seen), length) - max(at, 0))


def _correlation(pairs: Sequence[tuple[Sequence[Row], int]], sound: Sequence[Row], lag: int) -> float:
    """Return the correlation of all traces with the sound `lag` moments later, each trace's mean taken off."""
    both = lips = voice = 0.0
    for seen, at in pairs:
        matched = list(_matched(seen, sound, at + lag))
        for a, b in _columns(matched):
            mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
            both += sum(x * y for x, y in zip(a, b, strict=True)) - len(a) * mean_a * mean_b
            lips += sum(x * x for x in a) - len(a) * mean_a * mean_a
            voice += sum(y * y for y in b) - len(b) * mean_b * mean_b
    return both / math.sqrt(lips * voice) if lips > 0 and voice > 0 else 0.0


def _matched(seen: Sequence[Row], sound: Sequence[Row], at: int) -> Iterator[tuple[Row, Row]]:
    first = max(0, -at)
    yield from zip(seen[first:], sound[at + first :], strict=False)


def _columns(matched: Sequence[tuple[Row, Row]]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    if matched:
        yield from zip(
            zip(*(a for a, _ in matched), strict=True), zip(*(b for _, b in matched), strict=True), strict=True
        )
