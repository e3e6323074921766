"""POST /v1/detect/audio, and the consumer of the audio queue."""

from __future__ import annotations

from forensics.wiring.audio import audio_analyser
from functions.detecting import detect_handler

handler = detect_handler("audio", lambda models, limits: audio_analyser(models, max_seconds=limits.max_audio_seconds))
