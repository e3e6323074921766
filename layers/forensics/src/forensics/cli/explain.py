"""--explain: one folder of pictures and numbers that show why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from forensics.cli.inputs import is_url
from forensics.domain.errors import DetectorError
from forensics.media.image import decode_image

OVERLAY_SIDE_PX = 1024
OVERLAY_STRENGTH = 0.55


def write_explanation(folder: Path, line: Mapping[str, Any], data: bytes | None, heatmap: bytes | None) -> None:
    """Write <name>-<sha8>.json, and beside it the heat map alone and over the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    name = _stem(str(line["input"]))
    stem = folder / f"{name}-{line['media']['sha256'][:8]}"
    stem.with_suffix(".json").write_text(json.dumps(line, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if heatmap is None:
        return
    Path(f"{stem}.heatmap.png").write_bytes(heatmap)
    if data is not None:
        try:
            overlay(data, heatmap).save(f"{stem}.overlay.png")
        except DetectorError:
            return  # the file changed since it was analysed; the heat map stands


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
