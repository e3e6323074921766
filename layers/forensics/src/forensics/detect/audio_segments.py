"""From window scores to spans of time: cells between the windows' edges, contrast with the rest of the recording, hysteresis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from forensics.detect.image import sigmoid
from forensics.domain.scores import ScoredWindow, Segment

TIME_DIGITS = 1
LEAST_CONTRAST_WINDOWS = 3  # fewer have no rest to stand out from
_CERTAIN = 1e-6


@dataclass(frozen=True)
class SpanRule:
    """P(fake) where a flagged span begins, below which it ends, and of a span that marks a partial fake.

    `contrast` adds so many times a cell's distance in logits from the recording's median window: voice, room and channel are
    those of the rest, so standing out from it says more than the score alone.
    """

    enter: float
    leave: float
    partial: float
    contrast: float = 0.0


@dataclass(frozen=True)
class Cell:
    """A stretch between two edges of windows, in seconds, with P(fake) by all windows that cover it, contrast included."""

    start_s: float
    end_s: float
    score: float


def cells(windows: Sequence[ScoredWindow], *, contrast: float) -> tuple[Cell, ...]:
    """Return the covered stretches in order; where windows overlap, what they agree on stands out."""
    logits = np.array([_logit(w.score) for w in windows])
    usual = float(np.median(logits)) if len(windows) >= LEAST_CONTRAST_WINDOWS else None
    edges = sorted({e for w in windows for e in (w.start_s, w.end_s)})
    found, active, waiting = [], list[int](), list(np.argsort([w.start_s for w in windows], kind="stable"))
    for start, end in pairwise(edges):
        while waiting and windows[waiting[0]].start_s <= start:
            active.append(int(waiting.pop(0)))
        active = [n for n in active if windows[n].end_s >= end]
        if active:
            here = float(np.mean(logits[active]))
            found.append(Cell(start, end, sigmoid(here if usual is None else here + contrast * (here - usual))))
    return tuple(found)


def flag_segments(windows: Sequence[ScoredWindow], rule: SpanRule) -> tuple[Segment, ...]:
    """Return spans that begin at a score of `enter` and last while it stays at `leave`; a gap between windows parts them."""
    spans: list[list[Cell]] = [[]]
    for cell in cells(windows, contrast=rule.contrast):
        if cell.score < rule.leave:
            spans.append([])
            continue
        if spans[-1] and cell.start_s > spans[-1][-1].end_s:
            spans.append([])
        spans[-1].append(cell)
    return tuple(_segment(s) for s in spans if s and max(c.score for c in s) >= rule.enter)


def _segment(span: Sequence[Cell]) -> Segment:
    """Return one span; its score is the mean over time."""
    seconds = np.array([c.end_s - c.start_s for c in span])
    score = float(np.average([c.score for c in span], weights=seconds))
    return Segment(round(span[0].start_s, TIME_DIGITS), round(span[-1].end_s, TIME_DIGITS), score)


def _logit(score: float) -> float:
    held = min(max(score, _CERTAIN), 1 - _CERTAIN)
    return float(np.log(held / (1 - held)))
