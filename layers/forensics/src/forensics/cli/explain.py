"""--explain: one folder of pictures, numbers and pages that show why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.cli.explain_page import Box, Figure, explanation_page
from forensics.cli.inputs import is_url
from forensics.domain.errors import DetectorError
from forensics.domain.result import Artifact
from forensics.domain.tracks import Face
from forensics.media.image import decode_image

HEATMAP = "heatmap"
OVERLAY_SIDE_PX = 1024
OVERLAY_STRENGTH = 0.55
CAPTIONS = {
    HEATMAP: "P(fake) over the picture, in red; hot regions in red frames, faces in blue ones",
    "spectrogram": "The recording as a spectrogram, with the model's P(fake) over time and the flagged spans",
    "contact_sheet": "The most suspicious frames of the video, with their P(fake); the flagged ones are marked",
    "timeline_chart": "Every model's P(fake) over time, cuts, and what could not be looked at",
}

FindFaces = Callable[[NDArray[np.uint8]], Sequence[Face]]


def no_faces(rgb: NDArray[np.uint8]) -> Sequence[Face]:
    """Find none: for recordings, films, and a command without a face detector."""
    return ()


def write_explanation(
    folder: Path,
    line: Mapping[str, Any],
    data: bytes | None,
    artifacts: Sequence[Artifact],
    *,
    find_faces: FindFaces = no_faces,
) -> None:
    """Write <name>-<sha8>.json, beside it every artefact, a heat map also over its picture, and one page with all of it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = _stem(str(line["input"]))
    stem = folder / f"{name}-{line['media']['sha256'][:8]}"
    stem.with_suffix(".json").write_text(json.dumps(line, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    figures: list[Figure] = []
    for artifact in artifacts:
        Path(f"{stem}.{artifact.file_name}").write_bytes(artifact.data)
        figure = _figure(artifact)
        if artifact.name == HEATMAP and data is not None:
            with suppress(DetectorError):  # the file changed since it was analysed; the heat map stands
                figure = _over_its_picture(data, artifact, line, find_faces)
                Path(f"{stem}.overlay.png").write_bytes(figure.data)
        figures += [figure] if figure.content_type.startswith("image/") else []
    stem.with_suffix(".html").write_text(explanation_page(line, figures), encoding="utf-8")


def _figure(artifact: Artifact) -> Figure:
    return Figure(artifact.data, artifact.content_type, CAPTIONS.get(artifact.name, artifact.name))


def _over_its_picture(data: bytes, heatmap: Artifact, line: Mapping[str, Any], find_faces: FindFaces) -> Figure:
    """Return the heat map over the picture, with the hot regions and the faces."""
    rgb = decode_image(data).rgb
    buffer = BytesIO()
    overlay(rgb, heatmap.data).save(buffer, format="PNG")
    regions = [Box("region", r["x"], r["y"], r["w"], r["h"], r["score"]) for r in line["regions"]]
    faces = [Box("face", f.box.x, f.box.y, f.box.w, f.box.h, f.score) for f in find_faces(rgb)]
    return Figure(buffer.getvalue(), "image/png", CAPTIONS[HEATMAP], (*regions, *faces), (rgb.shape[1], rgb.shape[0]))


def overlay(rgb: NDArray[np.uint8], heatmap: bytes) -> Image.Image:
    """Return the picture with P(fake) as red, longer side at most OVERLAY_SIDE_PX."""
    picture = Image.fromarray(rgb)
    picture.thumbnail((OVERLAY_SIDE_PX, OVERLAY_SIDE_PX))
    heat = Image.open(BytesIO(heatmap)).convert("L").resize(picture.size)
    alpha = np.asarray(heat, dtype=np.float32)[..., None] / 255 * OVERLAY_STRENGTH  # (height, width, 1)
    red = np.array([255, 0, 0], dtype=np.float32)
    blended = np.asarray(picture, dtype=np.float32) * (1 - alpha) + red * alpha
    return Image.fromarray(blended.round().astype(np.uint8))


def _stem(item: str) -> str:
    name = Path(urlsplit(item).path if is_url(item) else item).stem
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:80] or "input"
