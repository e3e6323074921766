"""Sound bytes to an analysis: decode in a stream, score the speech, read what the file says, decide."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from forensics.domain.job import DetectOptions
from forensics.domain.result import Analysis, MediaFacts
from forensics.domain.verdict import decide
from forensics.media.audio import open_audio
from forensics.media.sniff import expect
from forensics.usecases.ports import AudioDetector, ProvenanceReader

DURATION_DIGITS = 1
CUT_SHORT = "The recording is damaged or longer than an hour: what follows the part that was heard is not covered."


@dataclass(frozen=True)
class AnalyseAudio:
    """The audio pipeline as one callable; raises MediaErrors or UnsupportedMediaType when nothing can be heard."""

    detector: AudioDetector
    read_provenance: ProvenanceReader

    def __call__(self, data: bytes, options: DetectOptions) -> Analysis:
        kind = expect(data, medium="audio")
        start = time.perf_counter()
        with open_audio(data) as reader:
            heard = self.detector.detect(reader.blocks())
            complete = reader.complete
        model_ms = (time.perf_counter() - start) * 1000  # decoding streams into the model: one stage
        start = time.perf_counter()
        provenance = self.read_provenance(data, None)
        timings = {"model": model_ms, "provenance": (time.perf_counter() - start) * 1000}
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
            timings_ms=timings,
            media_type="audio",
            segments=tuple(heard.segments),
            warnings=() if complete else (CUT_SHORT,),
        )
