"""The faces of a picture, with the real face detector and the face model; training looks through it too."""

from __future__ import annotations

from forensics.detect.face_forgery import MODEL_DIRECTORY, FaceForgery
from forensics.detect.faces import FaceDetector
from forensics.detect.signals import SignalRanges
from forensics.settings import ModelSettings
from forensics.usecases.look_at_faces import LookAtFaces


def face_look(settings: ModelSettings) -> LookAtFaces:
    """Load the face detector, the face model, and the ranges of what is measured of a face."""
    finder = FaceDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads, stills=True)
    ranges = SignalRanges.load(settings.models_dir / MODEL_DIRECTORY / "signals.toml").ranges
    return LookAtFaces(finder, FaceForgery.load(settings.models_dir, threads=settings.threads), ranges)
