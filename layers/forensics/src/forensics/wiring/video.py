"""The video pipeline with its real detectors and readers; the functions take the parts they need, the command line takes all."""

from __future__ import annotations

from collections.abc import Callable

from forensics.detect.audio import AudioDetector
from forensics.detect.face_forgery import FaceForgery, has_face_model
from forensics.detect.faces import FaceDetector
from forensics.detect.image import ImageDetector
from forensics.detect.lip_sync import LipSync, has_lip_model
from forensics.media.video import MAX_SECONDS
from forensics.provenance.film import read_film_provenance
from forensics.settings import ModelSettings
from forensics.usecases import ports
from forensics.usecases.analyse_video import AnalyseVideo, VideoProgress
from forensics.usecases.video_model import read_video_model
from forensics.usecases.watch_faces import FaceWatch


def frame_detector(settings: ModelSettings) -> ImageDetector:
    """Load the image model, which looks at single frames."""
    return ImageDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)


def face_watch(settings: ModelSettings) -> Callable[[], FaceWatch]:
    """Load the face detector, and the face model if there is one; what is returned makes a watch for each chunk."""
    finder = FaceDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    scorer = (
        FaceForgery.load(settings.models_dir, threads=settings.threads) if has_face_model(settings.models_dir) else None
    )
    reader = lip_reader(settings)
    return lambda: FaceWatch(finder, scorer, reader)


def lip_reader(settings: ModelSettings) -> LipSync | None:
    """Load what lips and voice share, if it was fitted."""
    return LipSync.load(settings.models_dir) if has_lip_model(settings.models_dir) else None


def sound_detector(settings: ModelSettings) -> AudioDetector:
    """Load the audio model, which hears the sound track."""
    return AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)


def video_analyser(
    settings: ModelSettings,
    *,
    image: ports.ImageDetector | None = None,
    audio: Callable[[], ports.AudioDetector] | None = None,
    max_seconds: float = MAX_SECONDS,
    progress: VideoProgress | None = None,
) -> AnalyseVideo:
    """Return the whole pipeline in one process; detectors that are loaded already are shared."""
    return AnalyseVideo(
        image=image or frame_detector(settings),
        audio=audio or (lambda: sound_detector(settings)),
        read_provenance=read_film_provenance,
        model=read_video_model(settings.models_dir),
        watch=face_watch(settings),
        voice_reader=lip_reader(settings),
        workers=max(1, settings.threads),
        max_seconds=max_seconds,
        progress=progress,
    )
