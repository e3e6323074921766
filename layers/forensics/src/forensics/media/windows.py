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
_EDGE_CHUNKS = 3  # about 0.1 s of a long pause stay before the next word
_PAUSE_CHUNKS = 16  # about 0.5 s stay of a longer pause
LEAD_CHUNKS = 16  # about 0.5 s before the first word, of which what is audible stays
# How far in from either end silence is looked for: a chunk taken for speech by mistake may stand alone, a pause away.
_SEARCHED_SAMPLES = 2 * (LEAD_CHUNKS + 1) * CHUNK_SAMPLES
_AUDIBLE_SHARE = 0.02  # of the largest step from sample to sample: 34 dB below it
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
    """Cuts windows every HOP_CHUNKS of what is kept; holds a few seconds, not the file.

    The first window begins with the first audible sample near the first word, and the last one ends with the last: to the
    sample, so that what a recording is padded with does not shift what the model sees.
    """

    def __init__(self) -> None:
        self._kept: list[_Chunk] = []
        self._next = 0  # where in _kept the next window begins
        self._skip: int | None = (
            None  # samples of each window's first chunk that belong to the one before; None until known
        )
        self._audible = 0.0
        self._pause: list[_Chunk] = []  # since the last word: its beginning and its end
        self._count = 0
        self._windows = 0
        self.speech_s = 0.0

    def push(self, samples: Samples, flags: Flags) -> Iterator[Window]:
        """Take whole chunks, mono (n * CHUNK_SAMPLES,) with one flag each, and yield the windows that are complete."""
        for chunk, speech in zip(samples.reshape(-1, CHUNK_SAMPLES), flags, strict=True):
            self._add(_Chunk(chunk, self._count, bool(speech)))
            self._count += 1
            if len(self._kept) > self._next + WINDOW_CHUNKS + (LEAD_CHUNKS if self._skip is None else 0):
                start = self._start()
                if len(self._kept) > self._next + WINDOW_CHUNKS:  # a first sound that comes late moves the first window
                    yield from self._cut(start, start + WINDOW_SAMPLES)
                    self._next += HOP_CHUNKS
                    self._forget()
        self.speech_s += float(flags.sum()) * CHUNK_SECONDS

    def close(self) -> Iterator[Window]:
        """Yield what is left: the last window is flush with the last audible sample, or all there is when that is shorter."""
        if not self._kept:
            return
        self._kept += self._pause[: _PAUSE_CHUNKS - _EDGE_CHUNKS]
        seen = self._start()
        end = _last_audible(self._joined(), self._audible)
        while seen + WINDOW_SAMPLES <= end:
            yield from self._cut(seen, seen + WINDOW_SAMPLES)
            seen += HOP_CHUNKS * CHUNK_SAMPLES
        covered = seen + WINDOW_SAMPLES - HOP_CHUNKS * CHUNK_SAMPLES if self._windows else seen
        if end > covered:
            yield from self._cut(
                max(seen - HOP_CHUNKS * CHUNK_SAMPLES if self._windows else seen, end - WINDOW_SAMPLES), end
            )

    def _add(self, chunk: _Chunk) -> None:
        if not chunk.speech:
            self._pause.append(chunk)
            if len(self._pause) > (_PAUSE_CHUNKS if self._kept else LEAD_CHUNKS):
                del self._pause[-_EDGE_CHUNKS - 1 if self._kept else 0]
            return
        self._kept += self._pause
        self._kept.append(chunk)
        self._pause = []

    def _start(self) -> int:
        """Return the sample of what is kept at which the next window begins; the first time, look for the first audible one."""
        if self._skip is None:
            joined = self._joined()
            self._audible = _audible(joined)
            onset = first_audible(joined, begins=self._kept[0].number == 0)
            self._next, self._skip = divmod(onset, CHUNK_SAMPLES)
        return self._next * CHUNK_SAMPLES + self._skip

    def _joined(self) -> Samples:
        return np.concatenate([chunk.samples for chunk in self._kept])

    def _cut(self, start: int, end: int) -> Iterator[Window]:
        first, last = start // CHUNK_SAMPLES, -(-end // CHUNK_SAMPLES)
        chunks = self._kept[first:last]
        speech_s = min(sum(c.speech for c in chunks), WINDOW_CHUNKS) * CHUNK_SECONDS
        if speech_s >= _LEAST_WINDOW_SPEECH_S or not self._windows:
            samples = np.concatenate([c.samples for c in chunks])[start - first * CHUNK_SAMPLES :][: end - start]
            self._windows += 1
            yield Window(model_window(samples), self._second(start), self._second(end - 1), speech_s)

    def _second(self, sample: int) -> float:
        """Return where in the recording a sample of what is kept was."""
        chunk, within = divmod(sample, CHUNK_SAMPLES)
        return self._kept[chunk].number * CHUNK_SECONDS + within / SAMPLE_RATE_HZ

    def _forget(self) -> None:
        spare = self._next - HOP_CHUNKS
        if spare > 0:
            del self._kept[:spare]
            self._next -= spare


def first_audible(samples: Samples, *, begins: bool) -> int:
    """Return the first sample that can be heard beside the loudest of them, 0 when there is none near the beginning.

    Before a recording that `begins` here lies silence: a first sample far from zero is heard, as it would be after padding.
    """
    steps = _steps(samples[:_SEARCHED_SAMPLES])
    if begins:
        steps[:1] = np.abs(samples[:1])
    return int(np.argmax(steps >= _audible(samples)))


def _audible(samples: Samples) -> float:
    return _AUDIBLE_SHARE * float(_steps(samples).max())


def _last_audible(samples: Samples, audible: float) -> int:
    """Return the end of the last sample above `audible`, that of all samples when there is none near the end."""
    return samples.size - int(np.argmax(_steps(samples[-_SEARCHED_SAMPLES:])[::-1] >= audible))


def _steps(samples: Samples) -> Samples:
    """Return how far each sample is from the one before: what is audible, whatever the offset."""
    return np.abs(np.diff(samples, prepend=samples[:1]))
