"""POST /v1/detect/image, and the consumer of the image queue."""

from __future__ import annotations

from forensics.wiring.image import image_analyser
from functions.detecting import detect_handler

handler = detect_handler("image", lambda models, limits: image_analyser(models, max_pixels=limits.max_image_pixels))
