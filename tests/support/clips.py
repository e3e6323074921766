"""Small clips, drawn and encoded when they are needed."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

SAMPLE_RATE_HZ = 16_000
_AUDIO_BLOCK = 1024


def clip(
    *,
    seconds: float = 2.0,
    fps: int = 10,
    size: tuple[int, int] = (320, 240),
    sound: bool = True,
    codec: str = "mpeg4",
    container: str = "mp4",
) -> bytes:
    """Return a clip of a gradient that moves, with a quiet tone; `size` is (width, height) in pixels."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        picture: VideoStream = out.add_stream(codec, rate=fps)  # type: ignore[assignment]
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        picture.codec_context.gop_size = fps
        tone: AudioStream | None = out.add_stream("aac", rate=SAMPLE_RATE_HZ) if sound else None  # type: ignore[assignment]
        for number in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(_picture(number, size), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(picture.encode(frame))
        out.mux(picture.encode(None))
        if tone is not None:
            _write_tone(out, tone, seconds)
    return buffer.getvalue()


def _picture(number: int, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    ramp = (np.arange(width)[None, :] + np.arange(height)[:, None] + 8 * number) % 256
    return np.stack([ramp, ramp[::-1], np.full_like(ramp, 90)], axis=-1).astype(np.uint8)


def _write_tone(out: av.container.OutputContainer, stream: AudioStream, seconds: float) -> None:
    wave = 0.1 * np.sin(2 * np.pi * 330 * np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ)
    for start in range(0, len(wave), _AUDIO_BLOCK):
        block = wave[None, start : start + _AUDIO_BLOCK].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, start, Fraction(1, SAMPLE_RATE_HZ)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
