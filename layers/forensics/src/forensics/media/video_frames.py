"""Film to upright frames: only the wanted ones decoded, from the keyframe before each."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO, NamedTuple

from av.video.frame import VideoFrame

from forensics.media.film import Rgb, Track, film_index, opened_film, upright
from forensics.media.moving_pictures import is_moving_picture, moving_frames

# Of one call, for a file without keyframes must not hold a worker for ever: a minute's work.
MAX_DECODED_FRAMES = 20_000
MAX_DECODED_PIXELS = 20_000_000_000
_BLIND_SEEK_S = 4.0  # without an index: seek when the next frame is further away than this


class Shown(NamedTuple):
    """A frame with its own second, upright: uint8 (height, width, 3), and the second of the keyframe before it, None if unknown.

    `wanted_s` is the time that was asked for.
    """

    time_s: float
    rgb: Rgb
    keyframe_s: float | None
    wanted_s: float = 0.0


def read_frames(source: BinaryIO, times: Iterable[float]) -> Iterator[tuple[float, Rgb]]:
    """Yield what `show_frames` does, each frame's own second and pixels alone."""
    for shown in show_frames(source, times):
        yield shown.time_s, shown.rgb


def show_frames(source: BinaryIO, times: Iterable[float]) -> Iterator[Shown]:
    """Yield for each time, ascending seconds, the frame shown then or soon after.

    A frame that stands for several times (the last one, or those of a slow film) is yielded for each of them, as the same
    object. What cannot be decoded is left out. The next time is asked for when a frame
    was dealt with, so it may depend on that. Raises MediaCorrupt when the file cannot be opened any more as a video.
    """
    if is_moving_picture(source):
        yield from (Shown(at, rgb, None, wanted) for wanted, at, rgb in moving_frames(source, times))
        return
    with opened_film(source) as track:
        walk = _Walk(track, film_index(track)[0])
        shown: tuple[float, Shown] | None = None
        for wanted in times:
            found = walk.frame_at(wanted)
            if found is None or found[0] < wanted - track.frame_lasts_s:
                continue
            if shown is None or shown[0] != found[0]:
                shown = found[0], Shown(max(0.0, found[0]), upright(found[1], track.pixel_aspect), walk.keyframe_s)
            yield shown[1]._replace(wanted_s=wanted)


class _Walk:
    """Goes through a track from one wanted time to the next, jumping where that saves decoding."""

    def __init__(self, track: Track, keyframes: Sequence[float]) -> None:
        self._track = track
        self._keyframes = keyframes
        self._stream = track.frames()
        self._at = 0.0
        self._left = min(MAX_DECODED_FRAMES, MAX_DECODED_PIXELS // max(1, track.stream.width * track.stream.height))
        self._found: tuple[float, VideoFrame] | None = None
        self._begun = False
        self.keyframe_s: float | None = None

    def frame_at(self, wanted: float) -> tuple[float, VideoFrame] | None:
        """Return the first frame from `wanted` on, else the last one there is; None when nothing more can be decoded."""
        if self._found is not None and self._at >= self._enough(wanted):
            return self._found  # of a slow film, or for times behind the last frame
        if not _worth_seeking(self._at, wanted, self._keyframes):
            return self._decoded_until(wanted) or self._found
        self._jump(wanted if self._keyframes else wanted - _BLIND_SEEK_S)
        found = self._decoded_until(wanted)
        if found is None:  # a container without an index may land behind the last keyframe
            self._jump(0.0)
            found = self._decoded_until(wanted)
        return found or self._found

    def _jump(self, time_s: float) -> None:
        if not self._begun:
            self._begun = True
            self._track.begin()
        if self._track.seek(max(0.0, time_s)):
            self._stream = self._track.frames()

    def _decoded_until(self, wanted: float) -> tuple[float, VideoFrame] | None:
        found: tuple[float, VideoFrame] | None = None
        self._begun = True
        for found in islice(self._stream, self._left):
            self._at, self._left = found[0], self._left - 1
            if found[1].key_frame:
                self.keyframe_s = max(0.0, found[0])
            if self._at >= self._enough(wanted):
                break
        self._found = found or self._found
        return found

    def _enough(self, wanted: float) -> float:
        return wanted - 0.5 / self._track.fps


def _worth_seeking(at: float, wanted: float, keyframes: Sequence[float]) -> bool:
    """Tell whether decoding on from `at` would decode frames that a keyframe lets us leave out."""
    if not keyframes:
        return wanted - at > _BLIND_SEEK_S
    before = bisect.bisect_right(keyframes, wanted) - 1
    return before >= 0 and keyframes[before] > at
