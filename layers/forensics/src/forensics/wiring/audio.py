"""The audio pipeline with its real detector and readers; the function and the command line share it."""

from __future__ import annotations

from forensics.detect.audio import AudioDetector
from forensics.media.audio import MAX_SECONDS
from forensics.provenance.reading import read_provenance
from forensics.settings import ModelSettings
from forensics.usecases.analyse_audio import AnalyseAudio
from forensics.usecases.explain_audio import AudioExplainer
from forensics.usecases.ports import HearingProgress


def audio_analyser(
    settings: ModelSettings,
    *,
    max_seconds: float = MAX_SECONDS,
    explainer: AudioExplainer | None = None,
    progress: HearingProgress | None = None,
) -> AnalyseAudio:
    """Load the models (this is the cold start) and return the pipeline."""
    detector = AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    return AnalyseAudio(detector, read_provenance, max_seconds, explainer or AudioExplainer(), progress)
