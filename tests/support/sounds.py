"""Recordings that tests make themselves."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE_HZ = 16_000
TONE_HZ = 440.0
PCM, FLOAT = 1, 3  # format tags of WAV


@dataclass(frozen=True)
class Encoding:
    """A container and a codec by FFmpeg's names, the rate in Hz, and bits a second for codecs that take them."""

    container: str
    codec: str
    rate_hz: int
    bit_rate: int | None = None


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


def tone(seconds: float, rate_hz: int, *, hz: float = TONE_HZ, channels: int = 1) -> Samples:
    """Return a sine, float32 (channels, n)."""
    wave = 0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return np.tile(wave.astype(np.float32), (channels, 1))


def encoded(samples: Samples, encoding: Encoding) -> bytes:
    """Return float32 (channels, n) at the encoding's rate as a file."""
    return encoded_blocks([samples], encoding)


def encoded_blocks(blocks: Iterable[Samples], encoding: Encoding) -> bytes:
    """Return a stream of float32 (channels, n) blocks as a file; an hour need not be held as samples."""
    buffer, stream, resampler = io.BytesIO(), None, None
    with av.open(buffer, "w", format=encoding.container) as output:
        for block in blocks:
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[block.shape[0]]
            if stream is None or resampler is None:
                stream = output.add_stream(encoding.codec, rate=encoding.rate_hz, layout=layout)
                if encoding.bit_rate is not None:
                    stream.bit_rate = encoding.bit_rate
                resampler = av.AudioResampler(stream.format.name, layout, encoding.rate_hz, stream.frame_size or None)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
            frame.sample_rate = encoding.rate_hz
            for chunk in resampler.resample(frame):
                output.mux(stream.encode(chunk))
        if stream is not None and resampler is not None:
            for chunk in resampler.resample(None):
                output.mux(stream.encode(chunk))
            output.mux(stream.encode(None))
    return buffer.getvalue()


def film(container: str, *, sound: bool = True, samples: Samples | None = None) -> bytes:
    """Return a grey film of half a second in `container`, with the sound (at 48 kHz; a tone unless given) or silent."""
    web = container == "webm"
    heard = tone(0.5, 48_000) if samples is None else samples
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        picture = output.add_stream("libvpx" if web else "mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track = output.add_stream("libopus" if web else "aac", rate=48_000, layout="mono") if sound else None
        for number in range(5):
            grey = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * number, np.uint8), format="rgb24")
            grey.pts, grey.time_base = number, Fraction(1, 10)
            output.mux(picture.encode(grey))
        output.mux(picture.encode(None))
        if track is not None:
            resampler = av.AudioResampler(track.format.name, "mono", 48_000, track.frame_size or None)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(heard), format="fltp", layout="mono")
            frame.sample_rate = 48_000
            for chunk in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(track.encode(chunk))
            output.mux(track.encode(None))
    return buffer.getvalue()


def wav_of(
    body: bytes,
    *,
    rate_hz: int = RATE_HZ,
    channels: int = 1,
    bits: int = 16,
    tag: int = PCM,
    data_size: int | None = None,
    riff_size: int | None = None,
) -> bytes:
    """Return a WAV around raw sample bytes; the two sizes may lie."""
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * width & 0xFFFFFFFF, width & 0xFFFF, bits)
    size = len(body) if data_size is None else data_size
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + body
    return b"RIFF" + struct.pack("<I", len(chunks) if riff_size is None else riff_size) + chunks


def float_wav(samples: Samples, rate_hz: int = RATE_HZ) -> bytes:
    """Return mono samples (n,) as a WAV of 32-bit floats, also such as are no numbers."""
    return wav_of(samples.astype("<f4").tobytes(), rate_hz=rate_hz, bits=32, tag=FLOAT)


def music(seconds: float) -> Samples:
    """Return chords that are struck and die away over a beat of noise, float32 (n,) at RATE_HZ; nobody sings."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = np.zeros_like(time)
    for bar, root in enumerate(np.tile([220.0, 174.6, 130.8, 196.0], int(seconds // 8) + 1)):
        since = time - 2.0 * bar
        struck = np.where((since >= 0) & (since < 2.0), np.exp(-1.5 * np.clip(since, 0, 2)), 0.0)
        for ratio in (1.0, 1.25, 1.5, 2.0):
            for overtone in range(1, 5):
                sound += struck * np.sin(2 * np.pi * root * ratio * overtone * time) / overtone**1.5
    beat = np.exp(-40 * (time % 0.5)) * rng.standard_normal(time.size)
    sound = sound / np.abs(sound).max() + 0.3 * beat
    return np.asarray(0.4 * sound / np.abs(sound).max(), dtype=np.float32)
