"""Why a recording got its score: the picture and the timeline, drawn while the detector listens."""

from __future__ import annotations

import json
from dataclasses import dataclass

from forensics.domain.result import Artifact
from forensics.domain.timeline import SIDES, AudioTimeline, Waveform, timeline_document
from forensics.media.audio_picture import audio_png
from forensics.media.spectrogram import FRAME_SECONDS, RecordingSketch, Sketch
from forensics.media.speech import HOP_SECONDS, WINDOW_SECONDS
from forensics.usecases.ports import ScoredAudio

# What is stored outlives the media by up to a day, so it is kept too coarse for words; docs/decisions.md.
STORED_COLUMN_S = 0.1
FINE_COLUMN_S = FRAME_SECONDS


@dataclass(frozen=True)
class AudioExplainer:
    """Draws recordings with columns of `column_s` at the finest."""

    column_s: float = STORED_COLUMN_S

    def listener(self) -> RecordingSketch:
        """Return what is to hear the blocks as they are scored."""
        return RecordingSketch(column_s=self.column_s)

    def artifacts(self, sketch: RecordingSketch, heard: ScoredAudio, *, threshold: float) -> tuple[Artifact, ...]:
        """Return the spectrogram (PNG) and the timeline (JSON) of the channel that decided."""
        drawn = sketch.close(channel=heard.channel)
        timeline = audio_timeline(drawn, heard, threshold=threshold)
        document = json.dumps(timeline_document(timeline), separators=(",", ":"))
        return (
            Artifact("spectrogram", "png", "image/png", audio_png(drawn, timeline)),
            Artifact("timeline", "json", "application/json", document.encode()),
        )


def audio_timeline(sketch: Sketch, heard: ScoredAudio, *, threshold: float) -> AudioTimeline:
    """Return the deciding channel's scores over time."""
    model = heard.detection.models[0]
    return AudioTimeline(
        duration_s=heard.seconds,
        window_s=WINDOW_SECONDS,
        hop_s=HOP_SECONDS,
        model=f"{model.name} {model.version}",
        threshold=threshold,
        windows=tuple(heard.timeline),
        segments=tuple(heard.segments),
        speech=tuple(heard.speech),
        waveform=Waveform(sketch.bucket_s, sketch.low.tolist(), sketch.high.tolist()),
        side=SIDES[heard.channel] if heard.channels > 1 else None,
    )
