"""What explains a recording's score over time, as the JSON object that callers download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forensics.domain.scores import ScoredWindow, Segment

SIDES = ("left", "right")
_SCORE_DIGITS = 4
_TIME_DIGITS = 2
_LEVEL_DIGITS = 4


@dataclass(frozen=True)
class Waveform:
    """Least and greatest sample of every `bucket_s` seconds; full scale is -1..1."""

    bucket_s: float
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class AudioTimeline:
    """One recording's scores over time, all times in seconds from its start.

    `model` gave the windows' P(fake); `threshold` is where a verdict is synthetic; `side` is the channel that decided when the two
    were scored apart; `speech` is where somebody speaks.
    """

    duration_s: float
    window_s: float
    hop_s: float
    model: str
    threshold: float
    windows: tuple[ScoredWindow, ...]
    segments: tuple[Segment, ...]
    speech: tuple[tuple[float, float], ...]
    waveform: Waveform
    side: str | None = None


def timeline_document(timeline: AudioTimeline) -> dict[str, Any]:
    """Return the JSON object; docs/api.md describes its members."""
    wave = timeline.waveform
    return {
        "duration_s": round(timeline.duration_s, _TIME_DIGITS),
        "window_s": timeline.window_s,
        "hop_s": timeline.hop_s,
        "model": timeline.model,
        "explains": "synthetic",
        "threshold": round(timeline.threshold, _SCORE_DIGITS),
        "side": timeline.side,
        "windows": [_window(w) for w in timeline.windows],
        "flagged_segments": [
            {"start": s.start, "end": s.end, "score": round(s.score, _SCORE_DIGITS)} for s in timeline.segments
        ],
        "speech": [{"start": start, "end": end} for start, end in timeline.speech],
        "waveform": {
            "bucket_s": round(wave.bucket_s, _TIME_DIGITS),
            "min": [round(float(v), _LEVEL_DIGITS) for v in wave.low],
            "max": [round(float(v), _LEVEL_DIGITS) for v in wave.high],
        },
    }


def _window(window: ScoredWindow) -> dict[str, float]:
    return {
        "start": round(window.start_s, _TIME_DIGITS),
        "end": round(window.end_s, _TIME_DIGITS),
        "speech_s": round(window.speech_s, _TIME_DIGITS),
        "score": round(window.score, _SCORE_DIGITS),
    }
