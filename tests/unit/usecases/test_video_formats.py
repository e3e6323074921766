"""Films of every kind through the whole pipeline with made-up detectors: told as they are, covered as a whole."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.domain.job import DetectOptions
from forensics.domain.scores import Detection
from forensics.usecases.analyse_video import AnalyseVideo
from tests.support.fakes import FakeFilmProvenance, detection
from tests.support.films import Film, film, moving_picture, turned_clockwise
from tests.support.hearing import Listener
from tests.unit.domain.test_video import MODEL

SPEC = Film(seconds=3.0, sound=True)


def unindexed(data: bytes) -> bytes:
    """The AVI without its index."""
    return data[: data.rindex(b"idx1")]


def stamped(data: bytes) -> bytes:
    """Transport packets as cameras write them."""
    return b"".join(bytes(4) + data[at : at + 188] for at in range(0, len(data), 188))


def lying(data: bytes) -> bytes:
    """The MP4 says that it lasts for an hour, everywhere it can."""
    for box in (b"mvhd", b"mdhd"):
        at = data.index(box) + 16
        scale = struct.unpack_from(">I", data, at)[0]
        data = data[: at + 4] + struct.pack(">I", 3600 * scale) + data[at + 8 :]
    return data


@dataclass(frozen=True)
class Case:
    """How a film is made, and what it must be told as."""

    make: Callable[[], bytes]
    format: str = "mp4"
    seconds: float = 3.0
    size: tuple[int, int] = (160, 96)


def of(spec: Film, **told: object) -> Case:
    return Case(lambda: film(spec), **told)  # type: ignore[arg-type]


CASES = {
    "mp4 h264": of(SPEC),
    "mov h264": of(replace(SPEC, container="mov")),
    "mov before ftyp": Case(lambda: film(replace(SPEC, container="mov")).replace(b"ftyp", b"wide", 1)),
    "camera's packets": Case(lambda: stamped(film(replace(SPEC, container="mpegts"))), "mpegts"),
    "mp4 hevc": of(replace(SPEC, codec="libx265")),
    "mp4 av1": of(replace(SPEC, codec="libsvtav1")),
    "mp4 mpeg4": of(replace(SPEC, codec="mpeg4")),
    "webm vp8": of(replace(SPEC, container="webm", codec="libvpx"), format="webm"),
    "webm vp9": of(replace(SPEC, container="webm", codec="libvpx-vp9"), format="webm"),
    "mkv h264": of(replace(SPEC, container="matroska"), format="matroska"),
    "mkv hevc": of(replace(SPEC, container="matroska", codec="libx265"), format="matroska"),
    "avi mpeg4": of(replace(SPEC, container="avi", codec="mpeg4"), format="avi"),
    "avi mjpeg": of(replace(SPEC, container="avi", codec="mjpeg", sound=False), format="avi"),
    "ts h264": of(replace(SPEC, container="mpegts"), format="mpegts"),
    "gif": Case(lambda: moving_picture("gif", frames=30), "gif"),
    "webp": Case(lambda: moving_picture("webp", frames=30), "webp"),
    "apng": Case(lambda: moving_picture("png", frames=30), "png"),
    "gif of two frames": Case(lambda: moving_picture("gif", frames=2), "gif", 0.2),
    "no sound": of(replace(SPEC, sound=False)),
    "two sound tracks": of(replace(SPEC, sound_tracks=2)),
    "turned by a telephone": Case(lambda: turned_clockwise(film(SPEC)), size=(96, 160)),
    "4K": of(Film(width=3840, height=2160, seconds=1, fps=4), seconds=1.0, size=(3840, 2160)),
    "1 frame a second": of(Film(seconds=5, fps=1), seconds=5.0),
    "240 frames a second": of(Film(seconds=1, fps=240, keyframe_every=240), seconds=1.0),
    "uneven frames": of(Film(seconds=3, stamps_s=(0.0, 0.04, 0.3, 1.2, 1.21, 1.9, 2.5, 2.9)), seconds=3.3),
    "half a second": of(Film(seconds=0.5), seconds=0.5),
    "two frames": of(Film(seconds=0.2), seconds=0.2),
    "no index": Case(lambda: unindexed(film(replace(SPEC, container="avi", codec="mpeg4", sound=False))), "avi"),
    "index in fragments": of(replace(SPEC, container="ismv"), format="mp4"),
    "wide pixels": of(replace(SPEC, pixel_aspect=Fraction(3, 2)), size=(240, 96)),
    "high pixels": of(replace(SPEC, pixel_aspect=Fraction(1, 2)), size=(160, 192)),
    "pixels of no sense": of(replace(SPEC, pixel_aspect=Fraction(1, 200))),
    "says it lasts an hour": Case(lambda: lying(film(replace(SPEC, sound=False)))),
}


@dataclass
class Looker:
    """Remembers the sizes that it saw."""

    sizes: set[tuple[int, int]]

    def detect(self, rgb: NDArray[np.uint8]) -> Detection:
        self.sizes.add((rgb.shape[1], rgb.shape[0]))
        return detection(0.1)

    def heatmap(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((1, 1), np.float32)


@pytest.mark.parametrize("name", CASES)
def test_films_of_every_kind(name: str) -> None:
    case, looker = CASES[name], Looker(set())
    analyse = AnalyseVideo(looker, lambda: Listener(0.1), FakeFilmProvenance(), MODEL, workers=1)
    found = analyse(case.make(), DetectOptions(explain=True))
    assert (found.media.format, found.media.coverage, found.warnings) == (case.format, 1.0, ())
    assert found.media.duration_s == pytest.approx(case.seconds, abs=0.25)
    assert looker.sizes == {case.size} == {(found.media.width, found.media.height)}
    assert {artifact.name for artifact in found.artifacts} == {"contact_sheet", "timeline_chart", "timeline"}
