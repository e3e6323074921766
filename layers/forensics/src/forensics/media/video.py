"""What a film is: probed with limits, its keyframes told, one frame decoded at most."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import av
from av.container import InputContainer

from forensics.domain.errors import MediaCorrupt, MediaTooLong
from forensics.domain.video import VideoFacts
from forensics.media.film import PARSE_ERRORS, Track, film_index, opened_film, quarter_turns, square_size
from forensics.media.moving_pictures import is_moving_picture, probe_moving_picture

MAX_SECONDS = 1800.0
SLACK_SECONDS = 1.0
_PROBED_PACKETS = 300


@dataclass(frozen=True)
class ProbedVideo:
    """What the file is (`bytes` and `sha256` are the caller's to fill in), and its keyframes' seconds: empty without an index."""

    facts: VideoFacts
    keyframes_s: tuple[float, ...]


def probe_video(source: BinaryIO, *, max_seconds: float = MAX_SECONDS) -> ProbedVideo:
    """Read what a video is and where its keyframes are, decoding one frame at most.

    Raises UnsupportedMediaType, MediaTypeMismatch (no picture track), MediaTooLong, MediaTooLargePixels or MediaCorrupt.
    """
    if is_moving_picture(source):
        return ProbedVideo(probe_moving_picture(source, max_seconds=max_seconds + SLACK_SECONDS), ())
    with opened_film(source) as track:
        keyframes, indexed_s = film_index(track)
        duration_s = _duration_s(track, indexed_s, limit_s=max_seconds + SLACK_SECONDS)
        if duration_s > max_seconds + SLACK_SECONDS:
            raise MediaTooLong(f"A video may last at most {max_seconds / 60:g} minutes.")
        first = next((frame for _, frame in islice(track.frames(), _PROBED_PACKETS)), None)
        if first is None:
            raise MediaCorrupt("No frame of the video can be decoded.")
        width, height = square_size(first, track.pixel_aspect)
        if quarter_turns(first) % 2:
            width, height = height, width
        facts = VideoFacts(
            container=_container_name(track.container),
            codec=track.stream.codec_context.name,
            width=width,
            height=height,
            duration_s=round(duration_s, 3),
            fps=round(float(track.stream.average_rate or 0), 3),
            rotation=-90 * quarter_turns(first) % 360,
            has_audio=bool(track.container.streams.audio),
            bytes=0,
            sha256="",
        )
    return ProbedVideo(facts, keyframes)


def _duration_s(track: Track, indexed_s: float, *, limit_s: float) -> float:
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


def _packets_end_s(track: Track, *, limit_s: float) -> float:
    end_s = 0.0
    try:
        for packet in track.container.demux(track.stream):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None:
                end_s = max(end_s, (stamp + (packet.duration or 0)) * track.tick_s - track.start_s)
            if end_s > limit_s:
                break
    except PARSE_ERRORS:
        return end_s
    return end_s


def _container_name(container: InputContainer) -> str:
    """Return the caller's word for what FFmpeg names by all that one demuxer reads."""
    known = {"mov": "mp4", "matroska": "matroska"}
    name = container.format.name.split(",")[0]
    return known.get(name, name)
