"""An audio detector that hears everything and answers as told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from forensics.domain.scores import Detection, ScoredWindow, Segment
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from tests.support.fakes import detection


@dataclass(frozen=True)
class Heard:
    detection: Detection
    segments: tuple[Segment, ...]
    seconds: float
    timeline: tuple[ScoredWindow, ...] = ()
    speech: tuple[tuple[float, float], ...] = ()
    channel: int = 0
    channels: int = 1
    timings_ms: Mapping[str, float] = field(default_factory=lambda: {"vad": 1.0, "model": 2.0})


@dataclass
class Listener:
    score: float = 0.9
    segments: tuple[Segment, ...] = ()
    timeline: tuple[ScoredWindow, ...] = ()
    speech: tuple[tuple[float, float], ...] = ()
    blocks: list[Samples] = field(default_factory=list)

    def detect(
        self,
        blocks: Iterable[Samples],
        *,
        progress: Callable[[float], None] | None = None,
        listen: Callable[[Samples], None] | None = None,
        native_hz: int | None = None,
    ) -> Heard:
        self.blocks = []
        seconds = 0.0
        for block in blocks:
            self.blocks.append(block)
            seconds += block.shape[1] / SAMPLE_RATE_HZ
            if listen:
                listen(block)
            if progress:
                progress(seconds)
        channels = self.blocks[0].shape[0]
        return Heard(
            detection(self.score),
            self.segments,
            seconds,
            self.timeline,
            self.speech,
            channel=channels - 1,
            channels=channels,
        )
