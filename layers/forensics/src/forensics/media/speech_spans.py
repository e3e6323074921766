"""Where somebody speaks, as spans of time, from the speech detector's stream of flags."""

from __future__ import annotations

import numpy as np

from forensics.media.windows import CHUNK_SECONDS, Flags

Span = tuple[float, float]  # start and end in seconds
JOINED_PAUSE_S = 0.3  # shorter pauses are part of the speech; this also bounds how many spans an hour can have
_TIME_DIGITS = 2


class SpeechSpans:
    """Collects the flagged stretches of one channel."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []  # chunks, the end not counted
        self._count = 0

    def push(self, flags: Flags) -> None:
        """Take the next flags, one per chunk of CHUNK_SECONDS."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
        for start, end in edges.reshape(-1, 2) + self._count:
            self._add(int(start), int(end))
        self._count += flags.size

    def _add(self, start: int, end: int) -> None:
        if self._spans and (start - self._spans[-1][1]) * CHUNK_SECONDS < JOINED_PAUSE_S:
            self._spans[-1] = (self._spans[-1][0], end)
        else:
            self._spans.append((start, end))

    def spans(self) -> tuple[Span, ...]:
        """Return what was flagged so far, in order, in seconds to 0.01 s."""
        return tuple(
            (round(a * CHUNK_SECONDS, _TIME_DIGITS), round(b * CHUNK_SECONDS, _TIME_DIGITS)) for a, b in self._spans
        )
