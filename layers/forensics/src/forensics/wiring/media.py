"""Every medium's pipeline behind one callable, for the command line."""

from __future__ import annotations

from functools import cache

from forensics.media.image import MAX_PIXELS
from forensics.settings import ModelSettings
from forensics.usecases.analyse_media import AnalyseMedia
from forensics.usecases.explain_audio import FINE_COLUMN_S, AudioExplainer
from forensics.usecases.ports import Analyser, HearingProgress
from forensics.wiring.audio import audio_analyser
from forensics.wiring.image import image_analyser

MAX_BYTES = {"image": 50_000_000, "audio": 100_000_000}


def media_analyser(settings: ModelSettings, *, progress: HearingProgress | None = None) -> AnalyseMedia:
    """Return the chooser; the image models are loaded now, so that a missing one is told at once, the audio model when needed."""
    image = image_analyser(settings, max_pixels=MAX_PIXELS)

    @cache
    def audio() -> Analyser:
        return audio_analyser(settings, explainer=AudioExplainer(FINE_COLUMN_S), progress=progress)

    return AnalyseMedia({"image": lambda: image, "audio": audio}, MAX_BYTES)
