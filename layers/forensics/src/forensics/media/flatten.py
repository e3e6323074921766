"""Transparent pixels over white."""

from __future__ import annotations

from PIL import Image


def over_white(image: Image.Image) -> Image.Image:
    """Return an 8-bit picture as RGB, what is transparent over white."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
