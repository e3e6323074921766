"""Films to measure with, each made once and kept in the temporary folder: H.264, 1280 x 720, a portrait that drifts and a voice.

What is longer than LOOP_S is that film again and again, its packets copied: half an hour is made in seconds.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import av
import numpy as np
from av.stream import Stream
from numpy.typing import NDArray
from PIL import Image

from bench.voice import RATE_HZ, voice
from localcloud.demo import MEDIA

WIDTH, HEIGHT, FPS = 1280, 720, 25
DRIFT_PX, PERIOD_S = 60, 5.0
LOOP_S = 60.0


def kept_film(seconds: float) -> Path:
    """Return the film's file, made now unless an earlier run has left it; another recipe makes another file."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"deepfake-bench-films-{recipe}"
    folder.mkdir(exist_ok=True)
    path = folder / f"{seconds:g}s.mp4"
    if not path.exists():
        made = path.with_suffix(".part")
        made.write_bytes(film(seconds) if seconds <= LOOP_S else repeated(kept_film(LOOP_S).read_bytes(), seconds))
        made.replace(path)
    return path


def film(seconds: float) -> bytes:
    """Return the film as MP4 with AAC sound."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        picture = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "26"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = output.add_stream("aac", rate=RATE_HZ, layout="mono")
        for pixels in frames(seconds):
            output.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        output.mux(picture.encode(None))
        speech = av.AudioFrame.from_ndarray(voice(seconds)[None].astype(np.float32), format="fltp", layout="mono")
        speech.sample_rate = RATE_HZ
        output.mux(sound.encode(speech))
        output.mux(sound.encode(None))
    return buffer.getvalue()


def repeated(loop: bytes, seconds: float) -> bytes:
    """Return a film of LOOP_S again and again, until it lasts so many seconds; nothing is encoded anew."""
    buffer = io.BytesIO()
    with av.open(io.BytesIO(loop), "r") as first, av.open(buffer, "w", format="mp4") as output:
        tracks = {s.index: output.add_stream_from_template(s) for s in (*first.streams.video, *first.streams.audio)}
        last: dict[int, int] = {}
        for number in range(-(-round(seconds) // round(LOOP_S))):
            for packet, index in _packets(loop, tracks, number * LOOP_S, until_s=seconds):
                if packet.dts is not None and packet.dts > last.get(index, -(1 << 62)):  # sound laps over by a frame
                    last[index] = packet.dts
                    packet.stream = tracks[index]
                    output.mux(packet)
    return buffer.getvalue()


def frames(seconds: float) -> Iterator[NDArray[np.uint8]]:
    """Yield the film's pictures, uint8 (HEIGHT, WIDTH, 3)."""
    with Image.open(MEDIA / "portrait.jpg") as portrait:
        scale = (HEIGHT + 2 * DRIFT_PX) / portrait.height
        size = max(WIDTH + 2 * DRIFT_PX, round(portrait.width * scale)), HEIGHT + 2 * DRIFT_PX
        canvas = Image.new("RGB", size, (90, 100, 110))
        canvas.paste(portrait.convert("RGB").resize((round(portrait.width * scale), size[1])), (size[0] // 4, 0))
    still = np.asarray(canvas)
    for number in range(round(seconds * FPS)):
        turn = 2 * np.pi * number / FPS / PERIOD_S
        x, y = round(DRIFT_PX * (1 + np.sin(turn))), round(DRIFT_PX * (1 + np.cos(1.3 * turn)))
        yield still[y : y + HEIGHT, x : x + WIDTH]


def _packets(
    loop: bytes, tracks: Collection[int], shift_s: float, *, until_s: float
) -> Iterator[tuple[av.Packet[Stream], int]]:
    with av.open(io.BytesIO(loop), "r") as source:
        for packet in source.demux([s for s in source.streams if s.index in tracks]):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue  # the one that ends a track
            shift = round(shift_s / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            if packet.dts * packet.time_base < until_s:
                yield packet, packet.stream.index
