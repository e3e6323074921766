"""The faces of a picture, with the real face detector and the face model; training looks through it too."""

from __future__ import annotations

from forensics.detect.face_forgery import FaceForgery
from forensics.detect.faces import FaceDetector
from forensics.settings import ModelSettings
from forensics.usecases.look_at_faces import LookAtFaces


def face_look(settings: ModelSettings) -> LookAtFaces:
    """Load the face detector and the face model."""
    finder = FaceDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads, stills=True)
    return LookAtFaces(finder, FaceForgery.load(settings.models_dir, threads=settings.threads))
