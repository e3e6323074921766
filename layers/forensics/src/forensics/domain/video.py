"""What passes between the steps of a video's job: small numbers, never frames; each is plain JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from forensics.domain.cuts import FrameLook
from forensics.domain.lip_sync import Trace
from forensics.domain.plain import Plain
from forensics.domain.scores import Detection, OperatingMode, ScoredWindow, Segment
from forensics.domain.signal_ranges import SignalRange
from forensics.domain.tracks import FacesSeen


@dataclass(frozen=True)
class VideoFacts(Plain):
    """What the file is: container and codec by FFmpeg's names, upright pixels, degrees to turn clockwise, seconds, bytes.

    `fps` is the mean rate, 0 when the file does not tell; `sha256` is of the bytes as received, in hex.
    """

    container: str
    codec: str
    width: int
    height: int
    duration_s: float
    fps: float
    rotation: int
    has_audio: bool
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Chunk(Plain):
    """One worker's share: the span of the video it stands for, and when to look, in seconds, ascending.

    At `times` the frame is looked at as a whole, at `face_times` for its faces. From `dense_from_s` on, `dense_s` seconds in which
    a face is in sight are looked at densely besides.
    """

    index: int
    start_s: float
    end_s: float
    times: tuple[float, ...]
    face_times: tuple[float, ...] = ()
    dense_from_s: float = 0.0
    dense_s: float = 0.0


@dataclass(frozen=True)
class VideoPlan(Plain):
    """Everything the workers need to know; the chunks cover the video from its first second to its last."""

    facts: VideoFacts
    chunks: tuple[Chunk, ...]
    has_audio: bool


@dataclass(frozen=True)
class FrameScore(Plain):
    """One frame's calibrated P(fake) as a picture, and the guards that make it worth less (low_resolution, ...)."""

    time_s: float
    score: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChunkResult(Plain):
    """One chunk's frames, the seconds they stand for, the problem code of what failed, and the colours that tell cuts.

    `faces` is None when none were searched for.
    """

    index: int
    frames: tuple[FrameScore, ...]
    covered_s: float
    error: str | None = None
    latency_ms: int = 0
    looks: tuple[FrameLook, ...] = ()
    faces: FacesSeen | None = None

    @classmethod
    def failed(cls, index: int, code: str) -> ChunkResult:
        """Return the result of a chunk that gave nothing; `code` is a problem code."""
        return cls(index, (), 0.0, code)


@dataclass(frozen=True)
class SoundResult(Plain):
    """The sound track's answer: calibrated P(fake) by the audio model (None: not scored), flagged spans, guards, seconds of speech.

    `detection` is the audio detector's own answer with its thresholds, None when the sound failed; `error` is a problem code;
    `windows` are the scored windows of the side that decided; `voice` is what the sound shares with lips, None without speech.
    """

    score: float | None
    segments: tuple[Segment, ...]
    reasons: tuple[str, ...]
    speech_s: float
    error: str | None = None
    detection: Detection | None = None
    timings_ms: Mapping[str, float] | None = None
    windows: tuple[ScoredWindow, ...] = ()
    voice: Trace | None = None

    @classmethod
    def failed(cls, code: str) -> SoundResult:
        """Return the result of a sound track that could not be heard; `code` is a problem code."""
        return cls(None, (), (), 0.0, code)


@dataclass(frozen=True)
class FrameSpans:
    """P(fake) of a frame where a flagged span begins and below which it ends, and the fewest frames of a span."""

    enter: float
    leave: float
    least_frames: int


@dataclass(frozen=True)
class FaceRule:
    """How looks at a face become a verdict: the mean logit of the highest `upper_share` of at least `least_looks`; two modes."""

    upper_share: float
    least_looks: int
    spans: FrameSpans
    normal: OperatingMode
    strict: OperatingMode


@dataclass(frozen=True)
class VideoModel:
    """How frames become a verdict: the mean logit of the highest `upper_share` of the frames, calibrated (Platt), two modes.

    `faces` is None when there is no face model; `signals` are the ranges of what is measured of a face over time.
    """

    name: str
    version: str
    upper_share: float
    slope: float
    intercept: float
    spans: FrameSpans
    normal: OperatingMode
    strict: OperatingMode
    faces: FaceRule | None = None
    signals: Mapping[str, SignalRange] = field(default_factory=dict)
