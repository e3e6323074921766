"""Sound bytes to an analysis: decode in a stream, score the speech, read what the file says, decide."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass

from forensics.domain.job import DetectOptions
from forensics.domain.result import Analysis, MediaFacts
from forensics.domain.stopwatch import Stopwatch
from forensics.domain.verdict import decide
from forensics.media.audio import MAX_SECONDS, open_audio
from forensics.media.sniff import expect
from forensics.usecases.ports import AudioDetector, ProvenanceReader

DURATION_DIGITS = 1
DAMAGED = "The recording is damaged: what could not be decoded is not covered."


@dataclass(frozen=True)
class AnalyseAudio:
    """The audio pipeline as one callable; raises MediaErrors or UnsupportedMediaType when nothing can be heard.

    A recording longer than `max_seconds` is refused as MediaTooLong.
    """

    detector: AudioDetector
    read_provenance: ProvenanceReader
    max_seconds: float = MAX_SECONDS

    def __call__(self, data: bytes, options: DetectOptions) -> Analysis:
        kind = expect(data, medium="audio")
        clock = Stopwatch()
        with ExitStack() as stack:
            with clock.stage("decode"):
                reader = stack.enter_context(open_audio(data, max_seconds=self.max_seconds))
            heard = self.detector.detect(clock.each("decode", reader.blocks()))
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
        return Analysis(
            decision=decide(heard.detection, provenance, strict=options.strict_mode),
            detection=heard.detection,
            provenance=provenance,
            media=media,
            timings_ms=clock.elapsed_ms,
            media_type="audio",
            segments=tuple(heard.segments),
            warnings=() if complete else (DAMAGED,),
        )
