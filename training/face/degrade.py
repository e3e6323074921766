"""One random history for a face, whatever its label: reduced, blurred, noisy, encoded as a photo or as a frame of a film.

Frames of films are softer than photos, and forged films are films: without H.264 at every rate a network learns softness. A
history is drawn once and lived through by a real face and its forgery alike.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from training.image.augment import add_noise, reencode

FPS = 25
EYES_PX = (22.0, 80.0)  # distance of the eyes that pictures are reduced to
CRF = (18, 35)  # x264's constant rate factor
QUALITY = (45, 97)  # JPEG and WebP

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class History:
    """What happens to a picture, in this order; None leaves a step out."""

    eyes_px: float | None
    filter: int
    blur: float | None
    noise: float | None
    codec: tuple[tuple[str, int], ...]  # (h264 | jpeg | webp, crf or quality), first to last
    drift_px: int
    seed: int


def draw(rng: np.random.Generator) -> History:
    """Draw a history; the label is not an argument, on purpose."""
    passes = int(rng.choice([0, 1, 2], p=[0.06, 0.69, 0.25]))
    kinds = [str(rng.choice(["h264", "jpeg", "webp"], p=[0.55, 0.38, 0.07])) for _ in range(passes)]
    return History(
        eyes_px=float(np.exp(rng.uniform(*np.log(EYES_PX)))) if rng.random() < 0.75 else None,
        filter=int(
            rng.choice(
                [Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS, Image.Resampling.BOX]
            )
        ),
        blur=float(rng.uniform(0.3, 1.3)) if rng.random() < 0.2 else None,
        noise=float(rng.uniform(1.0, 7.0)) if rng.random() < 0.2 else None,
        codec=tuple((k, int(rng.integers(*(CRF if k == "h264" else QUALITY)))) for k in kinds),
        drift_px=int(rng.integers(0, 3)),
        seed=int(rng.integers(2**31)),
    )


def live(rgb: Rgb, history: History, *, eyes_px: float) -> tuple[Rgb, float]:
    """Return uint8 (h, w, 3) after the history, and how much it was reduced (<= 1); `eyes_px` is the distance of the eyes now."""
    image = Image.fromarray(rgb)
    scale = min(1.0, history.eyes_px / eyes_px) if history.eyes_px else 1.0
    width, height = (max(16, round(side * scale / 2) * 2) for side in image.size)
    image = image.resize((width, height), Image.Resampling(history.filter))
    if history.blur:
        image = image.filter(ImageFilter.GaussianBlur(history.blur))
    if history.noise:
        image = add_noise(image, np.random.default_rng(history.seed), sigma=history.noise)
    for kind, rate in history.codec:
        if kind == "h264":
            image = Image.fromarray(h264(np.asarray(image, dtype=np.uint8), crf=rate, drift_px=history.drift_px))
        else:
            image = reencode(image, kind.upper(), quality=rate)
    return np.asarray(image, dtype=np.uint8), width / rgb.shape[1]


def h264(rgb: Rgb, *, crf: int, drift_px: int = 0) -> Rgb:
    """Return the picture as the last frame of a film of three, each `drift_px` further: predicted, not a keyframe.

    uint8 (h, w, 3) with even sides.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=FPS, options={"crf": str(crf), "preset": "veryfast"})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt, stream.time_base, stream.thread_count = "yuv420p", Fraction(1, FPS), 1
        for number in (2, 1, 0):
            moved = np.roll(rgb, number * drift_px, axis=1)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(moved), format="rgb24")))
        film.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as film:
        *_, last = film.decode(video=0)
        return np.asarray(last.to_ndarray(format="rgb24"), dtype=np.uint8)
