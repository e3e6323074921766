"""Fakes made of real clips: a face swapped or blended onto itself in every frame, features that move by themselves, another voice.

Each forgery, and the clip as it is, is cut, scaled and encoded alike, so that the forging alone tells them apart. Frames are
forged one by one, as the simple tools do it; what each frame draws anew (a mask, a colour) flickers.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.errors import DetectorError
from forensics.domain.tracks import Face
from forensics.media.audio import open_audio
from forensics.media.resampling import SAMPLE_RATE_HZ
from training.face import fakes
from training.video.clips import PLAIN

SECONDS = 4.0  # of each clip, at most
LONGEST_SIDE_PX = 640
REACH = 2.5  # eye distances around the middle of a face: more than any forging touches
EXPRESSION_S = 0.4  # how long a reenacted face keeps one expression
CRF = "18"
# The encoder's code for one processor reads memory that nobody wrote: the same clip came out different from run to run.
EXACT = "cpu-independent=1"
TEXT = (
    "Good evening. The committee has looked at the figures of the last three years, and what it found is not what was expected. "
    "We shall take the time that it needs, and then tell you what we are going to do about it."
)

Rgb = NDArray[np.uint8]
Points = NDArray[np.float64]
Sound = NDArray[np.float32]  # (n,) at SAMPLE_RATE_HZ


class FindsFaces(Protocol):
    def detect(self, rgb: Rgb, *, most: int) -> tuple[Face, ...]: ...


class FindsMeshes(Protocol):
    def find(self, rgb: Rgb, landmarks: Points) -> Points: ...


@dataclass(frozen=True)
class Take:
    """The beginning of a clip: its frames, how many a second, and its sound, None when it has none."""

    frames: tuple[Rgb, ...]
    fps: float
    sound: Sound | None

    @property
    def seconds(self) -> float:
        return len(self.frames) / self.fps


@dataclass(frozen=True)
class Donor:
    """The face that a swap pastes: a picture and its mesh (468, 2)."""

    rgb: Rgb
    mesh: Points


@dataclass(frozen=True)
class Studio:
    """What finds the faces that are forged."""

    faces: FindsFaces
    meshes: FindsMeshes

    def donor(self, take: Take) -> Donor | None:
        """Return the first face of a clip, from close by."""
        for rgb in take.frames[:: max(1, round(take.fps / 2))]:
            if close := self._close(rgb):
                near, _, landmarks = close
                return Donor(near, self.meshes.find(near, landmarks))
        return None

    def forged(self, take: Take, forge: Forge, *, seed: int) -> Take:
        """Return the clip with its largest face forged wherever it is found."""
        frames = [self._forged(rgb, forge, n / take.fps, seed) for n, rgb in enumerate(take.frames)]
        return replace(take, frames=tuple(frames))

    def _forged(self, rgb: Rgb, forge: Forge, time_s: float, seed: int) -> Rgb:
        close = self._close(rgb)
        if close is None:
            return rgb
        near, (left, top), landmarks = close
        out = rgb.copy()
        made = forge(near, self.meshes.find(near, landmarks), time_s, seed)
        out[top : top + near.shape[0], left : left + near.shape[1]] = made
        return out

    def _close(self, rgb: Rgb) -> tuple[Rgb, tuple[int, int], Points] | None:
        found = self.faces.detect(rgb, most=1)
        if not found:
            return None
        points = np.array(found[0].landmarks, dtype=np.float64)
        (x, y), reach = points.mean(axis=0), REACH * found[0].eye_distance
        left, top = max(0, round(x - reach)), max(0, round(y - reach))
        near = np.ascontiguousarray(rgb[top : round(y + reach), left : round(x + reach)])
        return near, (left, top), points - (left, top)


Forge = Callable[[Rgb, Points, float, int], Rgb]


def swap_with(donor: Donor) -> Forge:
    """Paste the donor's face into every frame, each with a mask and colours of its own."""

    def forge(rgb: Rgb, mesh: Points, time_s: float, seed: int) -> Rgb:
        return fakes.swap(rgb, mesh, donor.rgb, donor.mesh, _rng(seed, time_s))

    return forge


def self_blend(rgb: Rgb, mesh: Points, time_s: float, seed: int) -> Rgb:
    """Paste the face onto itself, restyled anew in every frame."""
    return fakes.self_blend(rgb, mesh, _rng(seed, time_s))[1]


def reenact(rgb: Rgb, mesh: Points, time_s: float, seed: int) -> Rgb:
    """Warp mouth, eyes and brows to an expression that lasts EXPRESSION_S."""
    return fakes.reenact(rgb, mesh, np.random.default_rng([seed, int(time_s / EXPRESSION_S)]))


def forges(donor: Donor | None) -> Mapping[str, Forge]:
    """Return the forgeries of a picture by name."""
    swaps = {"swap": swap_with(donor)} if donor else {}
    return {**swaps, "self_blend": self_blend, "reenact": reenact}


def take_of(path: Path) -> Take:
    """Return the first SECONDS of a clip, its longer side at most LONGEST_SIDE_PX."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 25)
        most = round(SECONDS * fps)
        frames = tuple(
            _scaled(np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8))
            for _, frame in zip(range(most), container.decode(stream), strict=False)
        )
    return Take(frames, fps, sound_of(path.read_bytes(), len(frames) / fps))


def sound_of(data: bytes, seconds: float) -> Sound | None:
    """Return the first channel of a file's sound, None when it has none."""
    try:
        with open_audio(data) as reader:
            samples = np.concatenate([block[0] for block in reader.blocks()])
    except DetectorError:
        return None
    return samples[: round(seconds * SAMPLE_RATE_HZ)].astype(np.float32)


def spoken(seconds: float) -> Sound:
    """Return so many seconds of a machine's voice; needs the program espeak-ng."""
    wav = subprocess.run(["espeak-ng", "-v", "en-us", "--stdout", TEXT], check=True, capture_output=True).stdout
    voice = sound_of(wav, seconds)
    if voice is None:
        raise RuntimeError("espeak-ng wrote no sound")
    return voice


def encoded(take: Take) -> bytes:
    """Return the clip as MP4: H.264, and AAC when it has sound."""
    buffer = io.BytesIO()
    height, width = take.frames[0].shape[:2]
    with av.open(buffer, "w", format="mp4") as output:
        picture = output.add_stream(
            "libx264", rate=round(take.fps), options={"preset": "veryfast", "crf": CRF, "x264-params": EXACT}
        )
        picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
        picture.codec_context.thread_count = 1  # the same bytes on every machine and in every run
        sound = None if take.sound is None else output.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
        for rgb in take.frames:
            output.mux(picture.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        output.mux(picture.encode(None))
        if sound is not None and take.sound is not None:
            heard = av.AudioFrame.from_ndarray(take.sound[None], format="fltp", layout="mono")
            heard.sample_rate = SAMPLE_RATE_HZ
            output.mux(sound.encode(heard))
            output.mux(sound.encode(None))
    return buffer.getvalue()


def made_of(
    take: Take, donor: Donor | None, studio: Studio, *, seed: int, but: Collection[str] = ()
) -> Iterator[tuple[str, Take]]:
    """Yield the clip as it is ("plain"), every forgery of its picture, and itself with a machine's voice ("voice")."""
    forgeries = forges(donor)
    for name in (PLAIN, *forgeries, "voice"):
        if name == PLAIN and name not in but:
            yield name, take
        elif name == "voice" and name not in but:
            yield name, replace(take, sound=spoken(take.seconds))
        elif name not in but:
            yield name, studio.forged(take, forgeries[name], seed=seed)


def _scaled(rgb: Rgb) -> Rgb:
    """Return the picture scaled to LONGEST_SIDE_PX, sides even as H.264 wants them."""
    scale = min(1.0, LONGEST_SIDE_PX / max(rgb.shape[:2]))
    height, width = (max(2, 2 * round(side * scale / 2)) for side in rgb.shape[:2])
    picture = Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture, dtype=np.uint8)


def _rng(seed: int, time_s: float) -> np.random.Generator:
    return np.random.default_rng([seed, round(time_s * 1000)])
