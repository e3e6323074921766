"""The files that `artifacts.timeline_url` leads to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from forensics.web.schemas.base import Model, Probability
from forensics.web.schemas.result import FlaggedSegment, Region, Segment


class TimelineWindow(Model):
    """What the model saw at once; windows overlap, and pauses in them are shortened, so that they may last longer."""

    start: float
    end: float
    speech_s: float
    score: Probability


class TimelineSpan(Model):
    start: float
    end: float


class Waveform(Model):
    """Least and greatest sample of every `bucket_s` seconds, at most 1,000 of each; full scale is -1 to 1."""

    bucket_s: float
    min: Annotated[list[float], Field(max_length=1000)]
    max: Annotated[list[float], Field(max_length=1000)]


class Timeline(Model):
    """What `timeline_url` leads to: a recording's scores over time, in seconds; of two sides the one that decided."""

    duration_s: float
    window_s: float
    hop_s: float
    model: Annotated[str, Field(description="Name and version of the model whose P(fake) the scores are")]
    explains: Annotated[Literal["synthetic"], Field(description="The class that a high score speaks for")]
    threshold: Annotated[Probability, Field(description="Where a verdict is synthetic")]
    side: Annotated[Literal["left", "right"] | None, Field(description="Null unless two sides were scored apart")]
    windows: list[TimelineWindow]
    flagged_segments: list[Segment]
    speech: list[TimelineSpan]
    waveform: Waveform


class VideoLane(Model):
    """One model's P(fake) over time; from `threshold` on it speaks for a fake."""

    model: Annotated[str, Field(description="Name and version of the model whose P(fake) the scores are")]
    threshold: Probability
    scores: list[Segment]


class MarkedFace(Region):
    """A face at one moment, its box in pixels of the upright frame."""

    time: float
    track: int


class VideoTimeline(Model):
    """What `timeline_url` leads to for a video: each model's scores, flagged spans and changes of scene, in seconds."""

    duration_s: float
    explains: Annotated[Literal["synthetic"], Field(description="The class that a high score speaks for")]
    frames: VideoLane
    face_scores: Annotated[VideoLane | None, Field(description="The most suspicious face; null when none was scored")]
    sound: Annotated[VideoLane | None, Field(description="Null when no speech was scored")]
    faces: list[MarkedFace]
    flagged_segments: list[FlaggedSegment]
    cuts: Annotated[list[float], Field(description="Changes of scene")]
    uncovered: Annotated[list[TimelineSpan], Field(description="What of the picture could not be analysed")]
