"""Films that tests make themselves: every frame's grey tells its time, the left upper corner is bright."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

RATE_HZ = 48_000
TICKS_PER_S = 1000
DARKEST, BRIGHTEST = 20, 200
CORNER = 250
QUICK = {
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
_PIXELS = {"mjpeg": "yuvj420p"}
_LOSSLESS: dict[str, dict[str, Any]] = {"webp": {"lossless": True}}


@dataclass(frozen=True)
class Film:
    """What to make: FFmpeg's names, pixels, frames a second, frames from one keyframe to the next, a tone or silence."""

    container: str = "mp4"
    codec: str = "libx264"
    width: int = 160
    height: int = 96
    seconds: float = 6.0
    fps: int = 10
    keyframe_every: int = 20
    sound: bool = False
    stamps_s: Sequence[float] | None = None  # of frames that do not come evenly
    pixel_aspect: Fraction = Fraction(1)  # width by height of one pixel
    sound_tracks: int = 1


def film(spec: Film) -> bytes:
    """Return the file; the frame at second t is grey `grey_at(t, seconds)`."""
    buffer = io.BytesIO()
    stamps = spec.stamps_s or [i / spec.fps for i in range(round(spec.seconds * spec.fps))]
    with av.open(buffer, "w", format=spec.container) as output:
        stream = output.add_stream(spec.codec, rate=spec.fps)
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, _PIXELS.get(spec.codec, "yuv420p")
        stream.codec_context.gop_size = spec.keyframe_every
        stream.codec_context.time_base = Fraction(1, TICKS_PER_S if spec.stamps_s else spec.fps)
        stream.codec_context.sample_aspect_ratio = spec.pixel_aspect
        if spec.codec in QUICK:
            stream.options = QUICK[spec.codec]
        if spec.codec == "libx264":
            stream.options = {"preset": "ultrafast", "sc_threshold": "0"}
        name = "libopus" if spec.container == "webm" else "aac"
        sounds = [output.add_stream(name, rate=RATE_HZ) for _ in range(spec.sound_tracks if spec.sound else 0)]
        _add_pictures(output, stream, spec, stamps)
        for sound in sounds:
            _add_tone(output, sound, spec.seconds)
    return buffer.getvalue()


def still_film(spec: Film) -> bytes:
    """Return a film of one grey picture that stands still: its second frame is encoded once and then said again and again."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=spec.container) as output:
        stream = output.add_stream("mpeg4", rate=spec.fps)
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
        stream.codec_context.gop_size = spec.keyframe_every
        grey = np.full((spec.height * 3 // 2, spec.width), 128, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
        packets = []
        for number in range(2):
            frame.pts, frame.time_base = number, Fraction(1, spec.fps)
            packets += stream.encode(frame)
        first, second = (bytes(packet) for packet in (packets + stream.encode(None))[:2])
        for number in range(round(spec.seconds * spec.fps)):
            packet = av.Packet(second if number else first)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, spec.fps), stream, not number
            output.mux(packet)
    return buffer.getvalue()


def moving_picture(kind: str, *, frames: int = 20, delay_ms: int = 100, size: tuple[int, int] = (160, 96)) -> bytes:
    """Return an animated GIF, WebP or PNG whose frames tell their time as a film's do; `size` is (width, height)."""
    seconds = frames * delay_ms / 1000
    drawn = [
        Image.fromarray(_picture(size, round(grey_at(n * delay_ms / 1000, seconds))))
        for n in range(frames)
    ]  # fmt: skip
    buffer = io.BytesIO()
    drawn[0].save(
        buffer,
        kind.upper(),
        save_all=True,
        append_images=drawn[1:],
        duration=delay_ms,
        loop=0,
        **_LOSSLESS.get(kind, {}),
    )
    return buffer.getvalue()


def grey_at(time_s: float, seconds: float) -> float:
    return DARKEST + (BRIGHTEST - DARKEST) * time_s / seconds


def time_of(rgb: NDArray[np.uint8], seconds: float) -> float:
    """Return the second that a frame's grey tells."""
    middle = rgb[rgb.shape[0] // 2 :, rgb.shape[1] // 2 :]
    return (float(middle[4:-4, 4:-4].mean()) - DARKEST) / (BRIGHTEST - DARKEST) * seconds


def turned_clockwise(mp4: bytes) -> bytes:
    """Return the file with a display matrix that turns its picture by 90 degrees clockwise, as telephones write it."""
    at = mp4.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes of fields
    one = 1 << 16
    return mp4[:at] + struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30) + mp4[at + 36 :]


def _add_pictures(
    output: av.container.OutputContainer, stream: VideoStream, spec: Film, stamps: Sequence[float]
) -> None:
    ticks = TICKS_PER_S if spec.stamps_s else spec.fps
    for stamp in stamps:
        picture = _picture((spec.width, spec.height), round(min(grey_at(stamp, spec.seconds), BRIGHTEST)))
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = round(stamp * ticks), Fraction(1, ticks)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _picture(size: tuple[int, int], grey: int) -> NDArray[np.uint8]:
    picture = np.full((size[1], size[0], 3), grey, dtype=np.uint8)
    picture[: size[1] // 4, : size[0] // 4] = CORNER
    return picture


def _add_tone(output: av.container.OutputContainer, sound: AudioStream, seconds: float) -> None:
    tone = (0.3 * np.sin(np.arange(round(seconds * RATE_HZ)) / 20)).astype(np.float32)[None]
    resampler = av.AudioResampler(sound.format.name, sound.layout, RATE_HZ, sound.frame_size or 960)
    frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
    frame.sample_rate = RATE_HZ
    for part in (*resampler.resample(frame), *resampler.resample(None), None):
        output.mux(sound.encode(part))
