"""Video bytes to upright frames: probed with limits, and only the wanted frames decoded, from the keyframe before each."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, NamedTuple

import av
import numpy as np
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from forensics.domain.errors import (
    MediaCorrupt,
    MediaTooLargePixels,
    MediaTooLong,
    MediaTypeMismatch,
    UnsupportedMediaType,
)
from forensics.domain.video import VideoFacts
from forensics.media.moving_pictures import is_moving_picture, moving_frames, probe_moving_picture
from forensics.media.mp4_bounds import refuse_endless_tables

MAX_SECONDS = 1800.0
SLACK_SECONDS = 1.0
MAX_FRAME_PIXELS = 8192 * 4320  # the largest frame of 8K film
# Of one call, for a file without keyframes must not hold a worker for ever: a minute's work.
MAX_DECODED_FRAMES = 20_000
MAX_DECODED_PIXELS = 20_000_000_000

# As for sound: only these demuxers are tried, and no other file or address is opened.
_DEMUXERS = "mov,matroska,avi,flv,mpeg,mpegts,asf,ogg"
_DECODERS = (
    *(
        "h264",
        "hevc",
        "av1",
        "libdav1d",
        "vp8",
        "vp9",
        "libvpx",
        "libvpx-vp9",
        "mpeg4",
        "mjpeg",
        "mpeg1video",
        "mpeg2video",
    ),
    *("h263", "flv", "theora", "wmv1", "wmv2", "wmv3", "vc1", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "prores", "dnxhd"),
    *("dvvideo", "rawvideo", "ffv1", "huffyuv", "vp6", "vp6f", "svq3", "cinepak", "png"),
)
_OPTIONS = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "none"}
# Not OSError, unlike for bytes in memory: a store that does not answer is no damage, and the caller tries again.
_PARSE_ERRORS = (av.FFmpegError, EOFError, LookupError, MemoryError, OverflowError, UnicodeError, ValueError)
_PROBED_PACKETS = 300
_LEAST_LAST_S = 1.0
_BLIND_SEEK_S = 4.0  # without an index: seek when the next frame is further away than this
_MOST_ASPECT = 4.0  # pixels said to be further from square are taken as square

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class ProbedVideo:
    """What the file is (`bytes` and `sha256` are the caller's to fill in), and its keyframes' seconds: empty without an index."""

    facts: VideoFacts
    keyframes_s: tuple[float, ...]


class Shown(NamedTuple):
    """A frame with its own second, upright: uint8 (height, width, 3), and the second of the keyframe before it, None if unknown.

    `wanted_s` is the time that was asked for.
    """

    time_s: float
    rgb: Rgb
    keyframe_s: float | None
    wanted_s: float = 0.0


@dataclass
class _Track:
    """The picture track of an open file; times count in seconds from its first frame."""

    container: InputContainer
    stream: VideoStream
    tick_s: float
    start_s: float
    fps: float
    pixel_aspect: float  # width by height of one pixel

    def frames(self) -> Iterator[tuple[float, VideoFrame]]:
        """Yield what can be decoded from here on with its time; damaged packets are passed over.

        After a jump FFmpeg calls frames corrupt until it meets a full refresh; a keyframe of an open group of pictures is none,
        and yet everything after it is whole.
        """
        last, whole = -1 / self.fps, False
        for frame in self._decoded():
            stamp = frame.pts if frame.pts is not None else frame.dts
            last = last + 1 / self.fps if stamp is None else stamp * self.tick_s - self.start_s
            whole = whole or frame.key_frame
            if whole or not frame.is_corrupt:
                yield last, frame

    @property
    def frame_lasts_s(self) -> float:
        """How long a frame may stand for the moments after it: a slide show's for long."""
        return max(_LEAST_LAST_S, 2 / self.fps)

    def seek(self, time_s: float) -> bool:
        """Go to the keyframe before; False when the file cannot be sought in."""
        try:
            self.container.seek(round((time_s + self.start_s) / self.tick_s), stream=self.stream)
        except _PARSE_ERRORS:
            return False
        return True

    def begin(self) -> None:
        """Show the decoder the first packet: there x264 tells its version, by which FFmpeg knows how old files with full colour
        are to be read. Without it everything after a jump is garbage.
        """
        with suppress(StopIteration, *_PARSE_ERRORS):
            next(self.container.demux(self.stream)).decode()

    def _decoded(self) -> Iterator[VideoFrame]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except _PARSE_ERRORS:
                return  # the rest of the file is missing or unreadable
            try:
                found = packet.decode()
            except _PARSE_ERRORS:
                continue
            yield from found


def probe_video(source: BinaryIO, *, max_seconds: float = MAX_SECONDS) -> ProbedVideo:
    """Read what a video is and where its keyframes are, decoding one frame at most.

    Raises UnsupportedMediaType, MediaTypeMismatch (no picture track), MediaTooLong, MediaTooLargePixels or MediaCorrupt.
    """
    if is_moving_picture(source):
        return ProbedVideo(probe_moving_picture(source, max_seconds=max_seconds + SLACK_SECONDS), ())
    with _opened(source) as track:
        keyframes, indexed_s = _index(track)
        duration_s = _duration_s(track, indexed_s, limit_s=max_seconds + SLACK_SECONDS)
        if duration_s > max_seconds + SLACK_SECONDS:
            raise MediaTooLong(f"A video may last at most {max_seconds / 60:g} minutes.")
        first = next((frame for _, frame in islice(track.frames(), _PROBED_PACKETS)), None)
        if first is None:
            raise MediaCorrupt("No frame of the video can be decoded.")
        width, height = _square_size(first, track.pixel_aspect)
        if _quarter_turns(first) % 2:
            width, height = height, width
        facts = VideoFacts(
            container=_container_name(track.container),
            codec=track.stream.codec_context.name,
            width=width,
            height=height,
            duration_s=round(duration_s, 3),
            fps=round(float(track.stream.average_rate or 0), 3),
            rotation=-90 * _quarter_turns(first) % 360,
            has_audio=bool(track.container.streams.audio),
            bytes=0,
            sha256="",
        )
    return ProbedVideo(facts, keyframes)


def read_frames(source: BinaryIO, times: Sequence[float]) -> Iterator[tuple[float, Rgb]]:
    """Yield what `show_frames` does, each frame's own second and pixels alone."""
    for shown in show_frames(source, times):
        yield shown.time_s, shown.rgb


def show_frames(source: BinaryIO, times: Sequence[float]) -> Iterator[Shown]:
    """Yield for each time, ascending seconds, the frame shown then or soon after.

    A frame that stands for several times (the last one, or those of a slow film) is yielded for each of them, as the same
    object. What cannot be decoded is left out. Raises MediaCorrupt when the file cannot be opened any more as a video.
    """
    if is_moving_picture(source):
        yield from (Shown(at, rgb, None, wanted) for wanted, at, rgb in moving_frames(source, times))
        return
    with _opened(source) as track:
        walk = _Walk(track, _index(track)[0])
        shown: tuple[float, Shown] | None = None
        for wanted in times:
            found = walk.frame_at(wanted)
            if found is None or found[0] < wanted - track.frame_lasts_s:
                continue
            if shown is None or shown[0] != found[0]:
                shown = found[0], Shown(max(0.0, found[0]), _upright(found[1], track.pixel_aspect), walk.keyframe_s)
            yield shown[1]._replace(wanted_s=wanted)


class _Walk:
    """Goes through a track from one wanted time to the next, jumping where that saves decoding."""

    def __init__(self, track: _Track, keyframes: Sequence[float]) -> None:
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


@contextmanager
def _opened(source: BinaryIO) -> Iterator[_Track]:
    refuse_endless_tables(source)
    source.seek(0)
    try:
        container = av.open(source, mode="r", metadata_errors="ignore", options=_OPTIONS)
    except _PARSE_ERRORS as exc:
        raise MediaCorrupt("The bytes are no video that can be read.") from exc
    with container:
        yield _picture_track(container)


def _picture_track(container: InputContainer) -> _Track:
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        raise MediaTypeMismatch("The file has no picture track.")
    stream = moving[0]
    codec: CodecContext | None = stream.codec_context  # None when FFmpeg lacks the codec
    if codec is None or codec.name not in _DECODERS:  # of FFmpeg's few hundred, those that films have
        raise UnsupportedMediaType("The picture track has a codec that this service does not decode.")
    if stream.width * stream.height > MAX_FRAME_PIXELS:
        raise MediaTooLargePixels(f"A frame may have at most {MAX_FRAME_PIXELS} pixels.")
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(2 * MAX_FRAME_PIXELS)}  # a header may lie; rows are padded
    stream.codec_context.skip_frame = "NONREF"  # no other frame needs them: about half of the work
    tick_s = float(stream.time_base or 0) or 1 / 90_000
    start_s = (stream.start_time or 0) * tick_s
    aspect = float(stream.sample_aspect_ratio or 1)
    return _Track(container, stream, tick_s, start_s, float(stream.average_rate or 0) or 25.0, aspect)


def _index(track: _Track) -> tuple[tuple[float, ...], float]:
    """Return the keyframes' seconds by the file's index, and where the index ends."""
    entries = [(e.timestamp * track.tick_s - track.start_s, e.is_keyframe) for e in track.stream.index_entries]
    keyframes = sorted({max(0.0, round(time_s, 3)) for time_s, key in entries if key})
    return tuple(keyframes), max((time_s for time_s, _ in entries), default=0.0) + bool(entries) / track.fps


def _duration_s(track: _Track, indexed_s: float, *, limit_s: float) -> float:
    """Return the track's length as its packets say, counted from where its index ends; as declared when there are none.

    An index may end early and a declared length may be any number: what either leaves out would never be looked at.
    """
    if indexed_s > limit_s:
        return indexed_s
    if indexed_s > 0:
        track.seek(indexed_s)
    measured_s = _packets_end_s(track, limit_s=limit_s)
    track.seek(0.0)
    declared_s = (track.stream.duration or 0) * track.tick_s or (track.container.duration or 0) / av.time_base
    return max(measured_s, indexed_s) or declared_s


def _packets_end_s(track: _Track, *, limit_s: float) -> float:
    end_s = 0.0
    try:
        for packet in track.container.demux(track.stream):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None:
                end_s = max(end_s, (stamp + (packet.duration or 0)) * track.tick_s - track.start_s)
            if end_s > limit_s:
                break
    except _PARSE_ERRORS:
        return end_s
    return end_s


def _worth_seeking(at: float, wanted: float, keyframes: Sequence[float]) -> bool:
    """Tell whether decoding on from `at` would decode frames that a keyframe lets us leave out."""
    if not keyframes:
        return wanted - at > _BLIND_SEEK_S
    before = bisect.bisect_right(keyframes, wanted) - 1
    return before >= 0 and keyframes[before] > at


def _quarter_turns(frame: VideoFrame) -> int:
    """Return how often the frame is to be turned by 90 degrees against the clock."""
    return round(frame.rotation / 90) % 4


def _square_size(frame: VideoFrame, pixel_aspect: float) -> tuple[int, int]:
    """Return the width and height that show the frame as it is meant with square pixels, none of them lost."""
    width, height = frame.width, frame.height
    wide = max(width, round(width * pixel_aspect)), max(height, round(height / max(pixel_aspect, 1e-9)))
    odd = not 1 / _MOST_ASPECT <= pixel_aspect <= _MOST_ASPECT or wide[0] * wide[1] > MAX_FRAME_PIXELS
    return (width, height) if odd else wide


def _upright(frame: VideoFrame, pixel_aspect: float) -> Rgb:
    width, height = _square_size(frame, pixel_aspect)
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height).astype(np.uint8, copy=False)
    return np.ascontiguousarray(np.rot90(rgb, _quarter_turns(frame)))


def _container_name(container: InputContainer) -> str:
    """Return the caller's word for what FFmpeg names by all that one demuxer reads."""
    known = {"mov": "mp4", "matroska": "matroska"}
    name = container.format.name.split(",")[0]
    return known.get(name, name)
