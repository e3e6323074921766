"""Sound bytes to an analysis: decode in a stream, score the speech, read what the file says, decide."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from forensics.domain.job import DetectOptions
from forensics.domain.result import Analysis, Artifact, MediaFacts
from forensics.domain.stopwatch import Stopwatch
from forensics.domain.verdict import decide
from forensics.media.audio import MAX_SECONDS, AudioReader, Samples, open_audio
from forensics.media.sniff import expect
from forensics.media.spectrogram import RecordingSketch
from forensics.usecases.explain_audio import AudioExplainer
from forensics.usecases.ports import AudioDetector, HearingProgress, ProvenanceReader

DURATION_DIGITS = 1
LEAST_REALTIME = 20  # seconds of sound in a second of work, of a function with little more than one core
DAMAGED = "The recording is damaged: what could not be decoded is not covered."


@dataclass(frozen=True)
class AnalyseAudio:
    """The audio pipeline as one callable; raises MediaErrors or UnsupportedMediaType when nothing can be heard.

    A recording longer than `max_seconds` is refused as MediaTooLong.
    """

    detector: AudioDetector
    read_provenance: ProvenanceReader
    max_seconds: float = MAX_SECONDS
    explainer: AudioExplainer = field(default_factory=AudioExplainer)
    progress: HearingProgress | None = None

    def __call__(self, data: bytes, options: DetectOptions) -> Analysis:
        kind = expect(data, medium="audio")
        clock = Stopwatch()
        sketch = self.explainer.listener() if options.explain else None
        with ExitStack() as stack:
            with clock.stage("decode"):
                reader = stack.enter_context(open_audio(data, max_seconds=self.max_seconds))
            heard = self.detector.detect(
                clock.each("decode", reader.blocks()),
                progress=self._telling(reader),
                listen=_drawing(sketch, clock),
                native_hz=reader.facts.sample_rate_hz,
            )
            complete = reader.complete
        clock.elapsed_ms.update(heard.timings_ms)
        with clock.stage("provenance"):
            provenance = self.read_provenance(data, None)
        media = MediaFacts(
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            format=kind.name,
            duration_s=round(heard.seconds, DURATION_DIGITS),
        )
        decision = decide(heard.detection, provenance, strict=options.strict_mode)
        artifacts: tuple[Artifact, ...] = ()
        if sketch is not None:
            with clock.stage("explain"):
                artifacts = self.explainer.artifacts(sketch, heard, threshold=decision.mode.thresholds.synthetic)
        return Analysis(
            decision=decision,
            detection=heard.detection,
            provenance=provenance,
            media=media,
            timings_ms=clock.elapsed_ms,
            artifacts=artifacts,
            media_type="audio",
            segments=tuple(heard.segments),
            warnings=() if complete else (DAMAGED,),
        )

    def estimate_s(self, data: bytes) -> float:
        """Return the seconds that a slow machine would need; raises as the analysis itself does before it decodes."""
        expect(data, medium="audio")
        with open_audio(data, max_seconds=self.max_seconds) as reader:
            return reader.packed_s() / LEAST_REALTIME

    def _telling(self, reader: AudioReader) -> Callable[[float], None] | None:
        if self.progress is None:
            return None
        return partial(self.progress, duration_s=reader.facts.declared_s)


def _drawing(sketch: RecordingSketch | None, clock: Stopwatch) -> Callable[[Samples], None] | None:
    """Let the sketch hear every block, its time counted apart from the detector's."""
    if sketch is None:
        return None

    def draw(block: Samples) -> None:
        with clock.stage("explain"):
            sketch.push(block)

    return draw
