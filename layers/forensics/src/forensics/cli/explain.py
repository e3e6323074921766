"""--explain: one folder of pictures and numbers that show why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from forensics.cli.inputs import is_url
from forensics.domain.errors import DetectorError
from forensics.domain.result import Artifact
from forensics.media.image import decode_image

HEATMAP = "heatmap"
OVERLAY_SIDE_PX = 1024
OVERLAY_STRENGTH = 0.55


def write_explanation(folder: Path, line: Mapping[str, Any], data: bytes | None, artifacts: Sequence[Artifact]) -> None:
    """Write <name>-<sha8>.json, beside it every artefact, and a heat map also over its picture."""
    folder.mkdir(parents=True, exist_ok=True)
    name = _stem(str(line["input"]))
    stem = folder / f"{name}-{line['media']['sha256'][:8]}"
    stem.with_suffix(".json").write_text(json.dumps(line, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for artifact in artifacts:
        Path(f"{stem}.{artifact.file_name}").write_bytes(artifact.data)
        if artifact.name == HEATMAP and data is not None:
            with suppress(DetectorError):  # the file changed since it was analysed; the heat map stands
                overlay(data, artifact.data).save(f"{stem}.overlay.png")


def overlay(data: bytes, heatmap: bytes) -> Image.Image:
    """Return the picture with P(fake) as red, longer side at most OVERLAY_SIDE_PX."""
    picture = Image.fromarray(decode_image(data).rgb)
    picture.thumbnail((OVERLAY_SIDE_PX, OVERLAY_SIDE_PX))
    heat = Image.open(BytesIO(heatmap)).convert("L").resize(picture.size)
    alpha = np.asarray(heat, dtype=np.float32)[..., None] / 255 * OVERLAY_STRENGTH  # (height, width, 1)
    red = np.array([255, 0, 0], dtype=np.float32)
    blended = np.asarray(picture, dtype=np.float32) * (1 - alpha) + red * alpha
    return Image.fromarray(blended.round().astype(np.uint8))


def _stem(item: str) -> str:
    name = Path(urlsplit(item).path if is_url(item) else item).stem
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:80] or "input"
