"""An open film: its picture track, found and held to limits, its index, and its frames as they are meant to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from forensics.domain.errors import MediaCorrupt, MediaTooLargePixels, MediaTypeMismatch, UnsupportedMediaType
from forensics.media.mp4_bounds import refuse_endless_tables

MAX_FRAME_PIXELS = 8192 * 4320  # the largest frame of 8K film

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
PARSE_ERRORS = (av.FFmpegError, EOFError, LookupError, MemoryError, OverflowError, UnicodeError, ValueError)
_LEAST_LAST_S = 1.0
_MOST_ASPECT = 4.0  # pixels said to be further from square are taken as square

Rgb = NDArray[np.uint8]


@dataclass
class Track:
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
        except PARSE_ERRORS:
            return False
        return True

    def begin(self) -> None:
        """Show the decoder the first packet: there x264 tells its version, by which FFmpeg knows how old files with full colour
        are to be read. Without it everything after a jump is garbage.
        """
        with suppress(StopIteration, *PARSE_ERRORS):
            next(self.container.demux(self.stream)).decode()

    def _decoded(self) -> Iterator[VideoFrame]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except PARSE_ERRORS:
                return  # the rest of the file is missing or unreadable
            try:
                found = packet.decode()
            except PARSE_ERRORS:
                continue
            yield from found


@contextmanager
def opened_film(source: BinaryIO) -> Iterator[Track]:
    """Open a film's picture track for the length of a `with` block.

    Raises MediaCorrupt, MediaTypeMismatch (no picture track), UnsupportedMediaType or MediaTooLargePixels.
    """
    refuse_endless_tables(source)
    source.seek(0)
    try:
        container = av.open(source, mode="r", metadata_errors="ignore", options=_OPTIONS)
    except PARSE_ERRORS as exc:
        raise MediaCorrupt("The bytes are no video that can be read.") from exc
    with container:
        yield _picture_track(container)


def _picture_track(container: InputContainer) -> Track:
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
    return Track(container, stream, tick_s, start_s, float(stream.average_rate or 0) or 25.0, aspect)


def film_index(track: Track) -> tuple[tuple[float, ...], float]:
    """Return the keyframes' seconds by the file's index, and where the index ends."""
    entries = [(e.timestamp * track.tick_s - track.start_s, e.is_keyframe) for e in track.stream.index_entries]
    keyframes = sorted({max(0.0, round(time_s, 3)) for time_s, key in entries if key})
    return tuple(keyframes), max((time_s for time_s, _ in entries), default=0.0) + bool(entries) / track.fps


def quarter_turns(frame: VideoFrame) -> int:
    """Return how often the frame is to be turned by 90 degrees against the clock."""
    return round(frame.rotation / 90) % 4


def square_size(frame: VideoFrame, pixel_aspect: float) -> tuple[int, int]:
    """Return the width and height that show the frame as it is meant with square pixels, none of them lost."""
    width, height = frame.width, frame.height
    wide = max(width, round(width * pixel_aspect)), max(height, round(height / max(pixel_aspect, 1e-9)))
    odd = not 1 / _MOST_ASPECT <= pixel_aspect <= _MOST_ASPECT or wide[0] * wide[1] > MAX_FRAME_PIXELS
    return (width, height) if odd else wide


def upright(frame: VideoFrame, pixel_aspect: float) -> Rgb:
    """Return the frame's pixels turned and stretched as they are meant: uint8 (height, width, 3)."""
    width, height = square_size(frame, pixel_aspect)
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height).astype(np.uint8, copy=False)
    return np.ascontiguousarray(np.rot90(rgb, quarter_turns(frame)))
