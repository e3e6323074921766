"""The image pipeline with its real detector and readers; the function and the command line share it."""

from __future__ import annotations

from forensics.detect.face_forgery import has_face_model
from forensics.detect.image import ImageDetector
from forensics.provenance.reading import read_provenance
from forensics.settings import ModelSettings
from forensics.usecases.analyse_image import AnalyseImage
from forensics.wiring.faces import face_look


def image_analyser(settings: ModelSettings, *, max_pixels: int) -> AnalyseImage:
    """Load the models (this is the cold start) and return the pipeline; faces are looked at when there is a face model."""
    detector = ImageDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    return AnalyseImage(
        detector=detector,
        read_provenance=read_provenance,
        max_pixels=max_pixels,
        look_at_faces=face_look(settings) if has_face_model(settings.models_dir) else None,
    )
