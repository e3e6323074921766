"""Every medium's pipeline behind one callable, for the command line."""

from __future__ import annotations

from functools import cache

from forensics.media.image import MAX_PIXELS
from forensics.settings import ModelSettings
from forensics.usecases.analyse_audio import AnalyseAudio
from forensics.usecases.analyse_media import AnalyseMedia
from forensics.usecases.analyse_video import MAX_BYTES as MAX_VIDEO_BYTES
from forensics.usecases.analyse_video import VideoProgress
from forensics.usecases.explain_audio import FINE_COLUMN_S, AudioExplainer
from forensics.usecases.ports import Analyser, HearingProgress
from forensics.wiring.audio import audio_analyser
from forensics.wiring.image import image_analyser
from forensics.wiring.video import video_analyser

MAX_BYTES = {"image": 50_000_000, "audio": 100_000_000, "video": MAX_VIDEO_BYTES}


def media_analyser(
    settings: ModelSettings, *, hearing: HearingProgress | None = None, watching: VideoProgress | None = None
) -> AnalyseMedia:
    """Return the chooser; the image models are loaded now, so that a missing one is told at once, the audio model when needed."""
    image = image_analyser(settings, max_pixels=MAX_PIXELS)

    @cache
    def audio() -> AnalyseAudio:
        return audio_analyser(settings, explainer=AudioExplainer(FINE_COLUMN_S), progress=hearing)

    @cache
    def video() -> Analyser:
        return video_analyser(settings, image=image.detector, audio=lambda: audio().detector, progress=watching)

    return AnalyseMedia({"image": lambda: image, "audio": audio, "video": video}, MAX_BYTES)
