"""Image bytes to an analysis: decode, read what the file says, score the pixels, decide."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.domain.job import DetectOptions
from forensics.domain.picture_verdict import FACE_DECIDES, FacesLookedAt, with_faces
from forensics.domain.result import Analysis, Artifact, MediaFacts
from forensics.domain.scores import Detection
from forensics.domain.stopwatch import Stopwatch
from forensics.domain.verdict import decide
from forensics.media.image import MAX_PIXELS, DecodedImage, decode_image
from forensics.media.sniff import MediaKind, expect
from forensics.usecases.explain_image import faces_grid, heatmap_png
from forensics.usecases.ports import ImageDetector, ProvenanceReader

FIRST_FRAME = "The file is an animation, and only its first frame was judged; as a video it is judged as a whole."


@dataclass(frozen=True)
class AnalyseImage:
    """The image pipeline as one callable; raises the MediaErrors of decoding, and nothing for what a file claims."""

    detector: ImageDetector
    read_provenance: ProvenanceReader
    max_pixels: int = MAX_PIXELS
    look_at_faces: Callable[[NDArray[np.uint8]], FacesLookedAt] | None = None

    def __call__(self, data: bytes, options: DetectOptions) -> Analysis:
        clock = Stopwatch()
        with clock.stage("decode"):
            kind = expect(data, medium="image")
            image = decode_image(data, max_pixels=self.max_pixels)
        with clock.stage("provenance"):
            provenance = self.read_provenance(data, image)
        with clock.stage("model"):
            detection = self.detector.detect(image.rgb)
        if self.look_at_faces is not None:
            with clock.stage("faces"):
                detection = with_faces(detection, self.look_at_faces(image.rgb), strict=options.strict_mode)
        artifacts: tuple[Artifact, ...] = ()
        if options.explain:
            with clock.stage("explain"):
                artifacts = (Artifact("heatmap", "png", "image/png", self._heatmap(image, detection)),)
        decision = decide(detection, provenance, strict=options.strict_mode)
        return Analysis(
            decision,
            detection,
            provenance,
            _facts(data, kind, image),
            clock.elapsed_ms,
            artifacts,
            warnings=(FIRST_FRAME,) if kind.media_type == "video" else (),
        )

    def _heatmap(self, image: DecodedImage, detection: Detection) -> bytes:
        if detection.says == FACE_DECIDES:
            grid, model = faces_grid(detection.regions, width=image.width, height=image.height), detection.models[-1]
        else:
            grid, model = self.detector.heatmap(image.rgb), detection.models[0]
        return heatmap_png(grid, image, model=f"{model.name} {model.version}")

    def estimate_s(self, data: bytes) -> float:
        """Return 0: the largest picture takes less than any caller's patience."""
        return 0.0


def _facts(data: bytes, kind: MediaKind, image: DecodedImage) -> MediaFacts:
    digest = hashlib.sha256(data).hexdigest()
    return MediaFacts(sha256=digest, bytes=len(data), format=kind.name, width=image.width, height=image.height)
