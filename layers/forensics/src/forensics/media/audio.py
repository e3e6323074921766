"""Sound bytes to samples: one decoder for serving and training, streamed, so that an hour needs no more memory than a minute."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.container import InputContainer
from numpy.typing import NDArray

from forensics.domain.errors import MediaCorrupt, UnsupportedMediaType

SAMPLE_RATE_HZ = 16_000
MAX_SECONDS = 3600.0
MAX_CHANNELS = 2  # more are mixed down: surround is not a telephone's two sides

Samples = NDArray[np.float32]

# What FFmpeg and its binding are known to raise on hostile bytes; anything else is our bug and stays a 500.
_PARSE_ERRORS = (av.FFmpegError, EOFError, LookupError, MemoryError, OSError, OverflowError, UnicodeError, ValueError)


@dataclass(frozen=True)
class AudioFacts:
    """What the file declares: container and codec by FFmpeg's names, rate in Hz, channels as recorded."""

    container: str
    codec: str
    sample_rate_hz: int
    channels: int


@dataclass(frozen=True)
class DecodedAudio:
    """A whole recording: `samples` is float32 (channels 1..2, n) at SAMPLE_RATE_HZ; `complete` is False when decoding
    stopped at a damaged place or at the limit."""

    samples: Samples
    facts: AudioFacts
    complete: bool

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1]) / SAMPLE_RATE_HZ


class AudioReader:
    """One open recording; `blocks()` may be read once, `complete` is true once it ended at the end of the file."""

    def __init__(self, container: InputContainer, *, max_seconds: float) -> None:
        stream = next(iter(container.streams.audio), None)
        codec: AudioCodecContext | None = stream.codec_context if stream else None  # None when FFmpeg lacks the codec
        if stream is None or codec is None:
            raise UnsupportedMediaType("The file has no sound track that can be decoded.")
        self._container = container
        self._stream = stream
        self._left = round(max_seconds * SAMPLE_RATE_HZ)
        self.complete = False
        self.facts = AudioFacts(container.format.name, codec.name, int(codec.sample_rate or 0), codec.channels)

    def blocks(self) -> Iterator[Samples]:
        """Yield float32 (channels, n) at SAMPLE_RATE_HZ, finite, n > 0; raises MediaCorrupt when nothing can be decoded.

        A file damaged half-way yields what came before the damage.
        """
        heard = False
        try:
            for block in self._decoded():
                heard = True
                yield block
                if self._left <= 0:
                    return
        except _PARSE_ERRORS as exc:
            if not heard:
                raise MediaCorrupt("The sound cannot be decoded.") from exc
            return
        if not heard:
            raise MediaCorrupt("The file holds no sound.")
        self.complete = True

    def _decoded(self) -> Iterator[Samples]:
        resampler: av.AudioResampler | None = None
        for frame in self._container.decode(self._stream):
            if resampler is None:
                layout = "stereo" if frame.layout.nb_channels == MAX_CHANNELS else "mono"
                resampler = av.AudioResampler(format="fltp", layout=layout, rate=SAMPLE_RATE_HZ)
            yield from self._taken(resampler.resample(frame))
        if resampler is not None:
            yield from self._taken(resampler.resample(None))

    def _taken(self, frames: list[AudioFrame]) -> Iterator[Samples]:
        for frame in frames:
            block = np.asarray(frame.to_ndarray(), dtype=np.float32)[:, : max(self._left, 0)]  # (channels, n)
            self._left -= block.shape[1]
            if block.shape[1]:
                yield np.nan_to_num(block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)


@contextmanager
def open_audio(source: bytes | BinaryIO, *, max_seconds: float = MAX_SECONDS) -> Iterator[AudioReader]:
    """Open a recording, or the sound track of a video; raises UnsupportedMediaType when there is no sound in it.

    `max_seconds` bounds what is decoded; the network and other files are out of reach, since only `source` is read.
    """
    handle = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        container = av.open(handle, mode="r", metadata_errors="ignore")
    except _PARSE_ERRORS as exc:
        raise UnsupportedMediaType("The bytes are no sound format this service reads.") from exc
    with container:
        yield AudioReader(container, max_seconds=max_seconds)


def decode_audio(source: bytes | BinaryIO, *, max_seconds: float = MAX_SECONDS) -> DecodedAudio:
    """Decode a whole recording to float32 (channels, n) at SAMPLE_RATE_HZ; raises as `open_audio` and `blocks` do."""
    with open_audio(source, max_seconds=max_seconds) as reader:
        samples = np.concatenate(list(reader.blocks()), axis=1)
        return DecodedAudio(samples, reader.facts, reader.complete)
