"""Recordings that tests make themselves."""

from __future__ import annotations

import io
import wave

import numpy as np

RATE_HZ = 16_000


def wav(*, seconds: float, amplitude: float = 0.25) -> bytes:
    """Return a mono 16-bit WAV of a plain tone: sound, and no speech."""
    samples = (np.sin(np.arange(round(seconds * RATE_HZ)) / 10) * amplitude * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()
