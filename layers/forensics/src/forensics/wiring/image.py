"""The image pipeline with its real detector and readers; the functions and the command line share it."""

from __future__ import annotations

from forensics.detect.image import ImageDetector
from forensics.provenance.reading import read_provenance
from forensics.settings import ModelSettings
from forensics.usecases.analyse_image import AnalyseImage
from forensics.usecases.detect_media import DetectImage
from forensics.usecases.process_job import ProcessJob
from forensics.wiring.service import Service


def image_analyser(settings: ModelSettings, *, max_pixels: int) -> AnalyseImage:
    """Load the models (this is the cold start) and return the pipeline."""
    detector = ImageDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    return AnalyseImage(detector=detector, read_provenance=read_provenance, max_pixels=max_pixels)


def detect_image(service: Service, analyse: AnalyseImage) -> DetectImage:
    return DetectImage(
        analyse=analyse,
        finish=service.finish(),
        jobs=service.jobs(),
        media=service.media(),
        queue=service.image_queue(),
        fetch=service.fetch(),
        clock=service.clock,
        region=service.settings.region,
        max_bytes=service.settings.max_image_bytes,
    )


def process_image(service: Service, analyse: AnalyseImage) -> ProcessJob:
    return ProcessJob(analyse=analyse, finish=service.finish(), jobs=service.jobs(), media=service.media())
