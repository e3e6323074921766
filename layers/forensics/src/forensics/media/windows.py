"""A stream of samples cut into windows of speech: silence before and after is left out, long pauses are shortened.

So padding a recording with silence, or a slow speaker, never changes what the model sees; every window remembers where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import HOP_SAMPLES, WINDOW_SAMPLES, model_window

CHUNK_SAMPLES = 512  # one decision of the speech detector: 32 ms
CHUNK_SECONDS = CHUNK_SAMPLES / SAMPLE_RATE_HZ
WINDOW_CHUNKS = WINDOW_SAMPLES // CHUNK_SAMPLES
HOP_CHUNKS = HOP_SAMPLES // CHUNK_SAMPLES
_EDGE_CHUNKS = 3  # about 0.1 s of room stay before and after speech
_PAUSE_CHUNKS = 16  # about 0.5 s stay of a longer pause
_LEAST_WINDOW_SPEECH_S = 1.0
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """One model input: float32 (WINDOW_SAMPLES,), its place in the recording and how much of it is speech, in seconds."""

    samples: Samples
    start_s: float
    end_s: float
    speech_s: float


@dataclass(frozen=True)
class _Chunk:
    samples: Samples
    number: int  # in the recording
    speech: bool


class SpeechWindows:
    """Cuts windows every HOP_CHUNKS of what is kept; holds a few seconds, not the file."""

    def __init__(self) -> None:
        self._kept: list[_Chunk] = []
        self._next = 0  # where in _kept the next window begins
        self._pause: list[_Chunk] = []  # since the last word: its beginning and its end
        self._count = 0
        self._windows = 0
        self.speech_s = 0.0

    def push(self, samples: Samples, flags: Flags) -> Iterator[Window]:
        """Take whole chunks, mono (n * CHUNK_SAMPLES,) with one flag each, and yield the windows that are complete."""
        for chunk, speech in zip(samples.reshape(-1, CHUNK_SAMPLES), flags, strict=True):
            self._add(_Chunk(chunk, self._count, bool(speech)))
            self._count += 1
            if len(self._kept) - self._next >= WINDOW_CHUNKS:
                yield from self._cut(self._kept[self._next : self._next + WINDOW_CHUNKS])
                self._next += HOP_CHUNKS
                self._forget()
        self.speech_s += float(flags.sum()) * CHUNK_SECONDS

    def close(self) -> Iterator[Window]:
        """Yield the last window: flush with the last word, or all that is kept when that is shorter than a window."""
        self._kept += self._pause[:_EDGE_CHUNKS] if self._kept else []
        seen = self._next - HOP_CHUNKS + WINDOW_CHUNKS if self._windows else 0
        if len(self._kept) > seen:
            yield from self._cut(self._kept[-WINDOW_CHUNKS:])

    def _add(self, chunk: _Chunk) -> None:
        if not chunk.speech:
            self._pause.append(chunk)
            if len(self._pause) > _PAUSE_CHUNKS:
                del self._pause[-_EDGE_CHUNKS - 1]
            return
        self._kept += self._pause if self._kept else self._pause[-_EDGE_CHUNKS:]
        self._kept.append(chunk)
        self._pause = []

    def _cut(self, chunks: list[_Chunk]) -> Iterator[Window]:
        speech_s = sum(c.speech for c in chunks) * CHUNK_SECONDS
        if speech_s >= _LEAST_WINDOW_SPEECH_S or not self._windows:
            samples = model_window(np.concatenate([c.samples for c in chunks]))
            self._windows += 1
            yield Window(samples, chunks[0].number * CHUNK_SECONDS, (chunks[-1].number + 1) * CHUNK_SECONDS, speech_s)

    def _forget(self) -> None:
        spare = self._next - HOP_CHUNKS
        if spare > 0:
            del self._kept[:spare]
            self._next -= spare
