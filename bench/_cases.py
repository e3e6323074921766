"""What each medium's latency is measured with: a usual file, and for recordings also the longest."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import av
import numpy as np
from PIL import Image

from bench.voice import RATE_HZ, Samples, voice
from localcloud.demo import MEDIA

SIZE_PX, QUALITY = (1152, 896), 90  # 1 megapixel, a usual size of generators
PORTRAIT_PX = (1024, 1024)
SHORT_S, LONG_S = 30, 3600
MP3_HZ, STEREO_BPS, MONO_BPS = 44_100, 128_000, 64_000
MINUTE_S, DIFFERENT_MINUTES = 60, 10


@dataclass(frozen=True)
class Case:
    """One medium's benchmark; `target_ms` bounds the median of a warm call, `target_mb` the resident memory."""

    medium: str
    file_name: str
    what: str
    make: Callable[[], bytes]
    target_ms: float
    target_mb: float
    long: Callable[[], bytes] | None = None
    others: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)  # what else is sent, by what is told of it

    @property
    def function(self) -> str:
        return f"detect_{self.medium}"


def picture() -> bytes:
    """Return the photo of the examples, which shows nobody, as a JPEG of one megapixel."""
    return _enlarged("photo.jpg", SIZE_PX)


def portrait() -> bytes:
    """Return a picture with a face as a JPEG of one megapixel."""
    return _enlarged("portrait.jpg", PORTRAIT_PX)


def _enlarged(name: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    with Image.open(MEDIA / name) as original:
        original.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def recording() -> bytes:
    """Return half a minute of a made-up voice as a stereo MP3."""
    return mp3(iter([np.tile(voice(SHORT_S), (2, 1))]), layout="stereo", bit_rate=STEREO_BPS)


def long_recording() -> bytes:
    """Return an hour of it as a mono MP3; ten minutes are different, then they come again."""
    minutes = (voice(MINUTE_S, seed=seed)[None] for seed in range(DIFFERENT_MINUTES))
    return mp3(minutes, layout="mono", bit_rate=MONO_BPS) * (LONG_S // MINUTE_S // DIFFERENT_MINUTES)


def mp3(blocks: Iterator[Samples], *, layout: str, bit_rate: int) -> bytes:
    """Return float32 (channels, n) blocks at the voice's rate as an MP3 at MP3_HZ; frames alone, so that files can be joined."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=MP3_HZ, layout=layout)
        stream.bit_rate = bit_rate
        resampler = av.AudioResampler(stream.format.name, layout, MP3_HZ, stream.frame_size)
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
            frame.sample_rate = RATE_HZ
            for chunk in resampler.resample(frame):
                container.mux(stream.encode(chunk))
        for chunk in resampler.resample(None):
            container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))
    return buffer.getvalue()


CASES = {
    "image": Case(
        "image",
        "photo.jpg",
        f"A JPEG of {SIZE_PX[0]} x {SIZE_PX[1]} pixels (quality {QUALITY})",
        picture,
        target_ms=200,
        target_mb=700,
        others={"the same with a face": portrait},
    ),
    "audio": Case(
        "audio",
        "voice.mp3",
        f"An MP3 of {SHORT_S} s (44.1 kHz, stereo, {STEREO_BPS // 1000} kbit/s) of a made-up voice (`bench/voice.py`)",
        recording,
        target_ms=400,
        target_mb=600,
        long=long_recording,
    ),
}
