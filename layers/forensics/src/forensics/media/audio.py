"""Sound bytes to samples: one decoder for serving and training, streamed, so that an hour needs no more memory than a minute."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from forensics.domain.errors import MediaCorrupt, MediaTooLong, MediaTypeMismatch, UnsupportedMediaType
from forensics.media.mp4_bounds import refuse_endless_tables
from forensics.media.resampling import MAX_CHANNELS, SAMPLE_RATE_HZ, Resampler, Samples

__all__ = ["MAX_CHANNELS", "MAX_SECONDS", "SAMPLE_RATE_HZ", "AudioReader", "Samples", "decode_audio", "open_audio"]

MAX_SECONDS = 3600.0
SLACK_SECONDS = 1.0  # encoders pad: an hour of MP3 is a little longer than an hour

# FFmpeg knows hundreds of formats, playlists among them that name other files: only these are tried, and nothing else is opened.
_DEMUXERS = "wav,w64,aiff,mp3,aac,flac,ogg,amr,amrnb,amrwb,mov,matroska,caf,au,asf,avi,flv,mpeg,mpegts"
_OPTIONS = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "none"}

# What FFmpeg and its binding are known to raise on hostile bytes; anything else is our bug and stays a 500.
_PARSE_ERRORS = (av.FFmpegError, EOFError, LookupError, MemoryError, OSError, OverflowError, UnicodeError, ValueError)


@dataclass(frozen=True)
class AudioFacts:
    """What the file declares: container and codec by FFmpeg's names, rate in Hz, channels as recorded, seconds if told."""

    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    declared_s: float | None = None


@dataclass(frozen=True)
class DecodedAudio:
    """A whole recording: `samples` is float32 (channels 1..2, n) at SAMPLE_RATE_HZ; `complete` is False when a damaged
    place was left out or the recording was cut."""

    samples: Samples
    facts: AudioFacts
    complete: bool

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1]) / SAMPLE_RATE_HZ


class AudioReader:
    """One open recording; `blocks()` may be read once, `complete` is true once it was read to its end without damage."""

    def __init__(self, container: InputContainer, *, max_seconds: float) -> None:
        self._container = container
        self._stream, codec = _sound_track(container)
        self._max_seconds = max_seconds
        self._left = round((max_seconds + SLACK_SECONDS) * SAMPLE_RATE_HZ)
        self._damaged = False
        self.complete = False
        declared_s = _declared_s(container, self._stream)
        self.facts = AudioFacts(
            container.format.name, codec.name, int(codec.sample_rate or 0), codec.channels, declared_s
        )

    def blocks(self) -> Iterator[Samples]:
        """Yield float32 (channels, n) at SAMPLE_RATE_HZ, finite, n > 0.

        What cannot be decoded is left out, and the rest is heard. Raises MediaCorrupt when nothing can be decoded, and
        MediaTooLong as soon as there is more than `max_seconds`.
        """
        heard = False
        for block in self._resampled():
            heard = True
            self._left -= block.shape[1]
            if self._left < 0:
                raise _too_long(self._max_seconds)
            yield block
        if not heard:
            raise MediaCorrupt("The sound cannot be decoded." if self._damaged else "The file holds no sound.")
        self.complete = not self._damaged

    def packed_s(self) -> float:
        """Return the seconds that the packets hold, without decoding them; `blocks` has nothing left to read after it."""
        counted = sum(_packet_ticks(self._container, self._stream)) * _tick_s(self._stream)
        return counted or self.facts.declared_s or 0.0

    def _resampled(self) -> Iterator[Samples]:
        resampler = Resampler()
        try:
            for packet in self._container.demux(self._stream):
                for frame in self._frames(packet):
                    yield from resampler.push(frame)
        except _PARSE_ERRORS:
            self._damaged = True
        try:
            yield from resampler.close()
        except _PARSE_ERRORS:
            self._damaged = True

    def _frames(self, packet: Packet[AudioStream]) -> list[AudioFrame]:
        try:
            return packet.decode()
        except _PARSE_ERRORS:
            self._damaged = True
            return []


@contextmanager
def open_audio(source: bytes | BinaryIO, *, max_seconds: float = MAX_SECONDS) -> Iterator[AudioReader]:
    """Open a recording, or the sound track of a video.

    A recording longer than `max_seconds` raises MediaTooLong: at once when its packets bear out what it declares, while
    it is decoded when it declared less. Raises UnsupportedMediaType for what is no sound this service reads, and
    MediaTypeMismatch for a video without sound. Only `source` is read, no other file and no network.
    """
    handle = io.BytesIO(source) if isinstance(source, bytes) else source
    with _opened(handle) as container:
        stream, _ = _sound_track(container)
        if (_declared_s(container, stream) or 0.0) <= max_seconds + SLACK_SECONDS:
            yield AudioReader(container, max_seconds=max_seconds)
            return
        if _packets_exceed(container, stream, seconds=max_seconds + SLACK_SECONDS):
            raise _too_long(max_seconds)
    handle.seek(0)
    with _opened(handle) as container:  # the declaration lied, or was a guess of FFmpeg's by the bit rate
        yield AudioReader(container, max_seconds=max_seconds)


def decode_audio(source: bytes | BinaryIO, *, max_seconds: float = MAX_SECONDS) -> DecodedAudio:
    """Decode a recording, or its first `max_seconds`, to float32 (channels, n) at SAMPLE_RATE_HZ; raises as `open_audio` and
    `blocks` do."""
    with open_audio(source) as reader:
        blocks, left = [], round(max_seconds * SAMPLE_RATE_HZ)
        for block in reader.blocks():
            blocks.append(block[:, :left])
            left -= block.shape[1]
            if left <= 0:
                break
        return DecodedAudio(np.concatenate(blocks, axis=1), reader.facts, reader.complete)


@contextmanager
def _opened(handle: BinaryIO) -> Iterator[InputContainer]:
    refuse_endless_tables(handle)
    handle.seek(0)
    try:
        container = av.open(handle, mode="r", metadata_errors="ignore", options=_OPTIONS)
    except _PARSE_ERRORS as exc:
        raise UnsupportedMediaType("The bytes are no sound format this service reads.") from exc
    with container:
        yield container


def _sound_track(container: InputContainer) -> tuple[AudioStream, AudioCodecContext]:
    stream = next(iter(container.streams.audio), None)
    if stream is None and container.streams.video:
        raise MediaTypeMismatch("The video has no sound track.")
    codec: AudioCodecContext | None = stream.codec_context if stream else None  # None when FFmpeg lacks the codec
    if stream is None or codec is None:
        raise UnsupportedMediaType("The file has no sound track that can be decoded.")
    return stream, codec


def _declared_s(container: InputContainer, stream: AudioStream) -> float | None:
    """Return the track's length in seconds as its header says, else the file's; FFmpeg guesses for formats that say nothing."""
    if stream.duration is not None and stream.time_base is not None and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration and container.duration > 0 else None


def _packets_exceed(container: InputContainer, stream: AudioStream, *, seconds: float) -> bool:
    """Tell whether the track's packets last longer than that; costs no decoding."""
    tick_s = _tick_s(stream)
    return any(total * tick_s > seconds for total in accumulate(_packet_ticks(container, stream)))


def _tick_s(stream: AudioStream) -> float:
    return float(stream.time_base or 0)


def _packet_ticks(container: InputContainer, stream: AudioStream) -> Iterator[int]:
    try:
        for packet in container.demux(stream):
            yield packet.duration or 0
    except _PARSE_ERRORS:
        return  # decoding meets the same damage and counts for itself


def _too_long(max_seconds: float) -> MediaTooLong:
    return MediaTooLong(f"A recording may last at most {max_seconds / 60:g} minutes.")
