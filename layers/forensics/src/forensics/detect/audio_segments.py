"""From window scores to spans of time: hysteresis, so that one doubtful window neither makes nor breaks a span."""

from __future__ import annotations

from collections.abc import Sequence

from forensics.domain.scores import ScoredWindow, Segment
from forensics.media.speech import WINDOW_SECONDS

TIME_DIGITS = 1


def flag_segments(windows: Sequence[ScoredWindow], *, enter: float, leave: float) -> tuple[Segment, ...]:
    """Return spans that begin at a score of `enter` and last while it stays at `leave`; a pause of a window's length parts them."""
    spans: list[list[ScoredWindow]] = []
    span: list[ScoredWindow] = []
    for window in windows:
        apart = bool(span) and window.start_s - span[-1].end_s > WINDOW_SECONDS
        if window.score < leave or apart:
            spans, span = [*spans, span], []
        if window.score >= leave:
            span.append(window)
    spans.append(span)
    return tuple(_segment(s) for s in spans if s and max(w.score for w in s) >= enter)


def _segment(windows: list[ScoredWindow]) -> Segment:
    score = sum(w.score for w in windows) / len(windows)
    return Segment(round(windows[0].start_s, TIME_DIGITS), round(windows[-1].end_s, TIME_DIGITS), score)
