"""Streams one channel into evidence: a few numbers for every chunk, and the samples of at most 16 stretches of speech."""

from __future__ import annotations

import numpy as np

from forensics.detect.audio_signals.evidence import BAND_EDGES_HZ, BIN_HZ, SILENCE_DB, Chunks, Evidence, Table
from forensics.detect.audio_signals.frames import STRETCH_CHUNKS, frames_of
from forensics.media.audio import Samples
from forensics.media.windows import CHUNK_SAMPLES, Flags

MOST_STRETCHES = 16  # 12 s
BATCH_CHUNKS = 256  # decoders hand over a few chunks at a time, which would cost more in calls than in numbers
ZERO_PEAK = 2.0**-14  # two steps of 16 bits: digital silence survives a resampler's rounding
_EDGES = np.array([round(hz / BIN_HZ) for hz in BAND_EDGES_HZ])
_WINDOW = np.hanning(CHUNK_SAMPLES)
_SCALE = 2 / (CHUNK_SAMPLES * float((_WINDOW**2).sum()))  # bins of a stationary sound add up to its mean square
_FLOOR = 10 ** (SILENCE_DB / 10)


class SignalMeter:
    """Takes the chunks and flags of the speech detector; 72 bytes are kept for each chunk, 8 MB for an hour."""

    def __init__(self) -> None:
        self._waiting: list[Samples] = []
        self._count = 0
        self._bands: list[Table] = []
        self._zero: list[Flags] = []
        self._speech: list[Flags] = []
        self._stretches = _Stretches()

    def push(self, samples: Samples, flags: Flags) -> None:
        """Take whole chunks, mono (n * CHUNK_SAMPLES,), with one flag each."""
        chunks = samples.reshape(-1, CHUNK_SAMPLES)
        self._waiting.append(chunks)
        self._speech.append(flags)
        for chunk, speech in zip(chunks, flags, strict=True):
            self._stretches.push(chunk, speech=bool(speech))
        self._count += len(chunks)
        if self._count >= BATCH_CHUNKS:
            self._measure()

    def close(self, *, native_hz: int | None = None) -> Evidence:
        """Return what was seen; `native_hz` is the rate that the file declares."""
        self._measure()
        none = np.zeros(0, dtype=np.bool_)
        empty = np.zeros((0, _EDGES.size - 1), dtype=np.float32)
        bands = np.concatenate([empty, *self._bands])
        level = 10 * np.log10((10 ** (bands / 10)).sum(axis=1) + _FLOOR)
        chunks = Chunks(bands, level, np.concatenate([none, *self._zero]), np.concatenate([none, *self._speech]))
        return Evidence(chunks, frames_of(self._stretches.kept()), native_hz)

    def _measure(self) -> None:
        if self._count:
            chunks = np.concatenate(self._waiting)
            self._bands.append(band_levels(chunks))
            self._zero.append(np.abs(chunks).max(axis=1) < ZERO_PEAK)
        self._waiting, self._count = [], 0


class _Stretches:
    """Every stride-th stretch of speech; the stride doubles when there are too many, so they stay spread over the recording."""

    def __init__(self) -> None:
        self._kept: list[Samples] = []
        self._open: list[Samples] = []
        self._spoken = 0
        self._number = 0
        self._stride = 1

    def push(self, chunk: Samples, *, speech: bool) -> None:
        if not self._open and not speech:
            return
        self._open.append(chunk)
        self._spoken += speech
        if len(self._open) == STRETCH_CHUNKS:
            self._take()

    def kept(self) -> list[Samples]:
        return self._kept

    def _take(self) -> None:
        mostly_speech = 2 * self._spoken > STRETCH_CHUNKS
        if mostly_speech and self._number % self._stride == 0:
            self._kept.append(np.concatenate(self._open))
        self._number += mostly_speech
        self._open, self._spoken = [], 0
        if len(self._kept) > MOST_STRETCHES:
            self._kept = self._kept[::2]
            self._stride *= 2


def band_levels(chunks: Samples) -> Table:
    """Return the level of each band of each chunk, float32 (chunks, bands) in dB of full scale."""
    spectrum = np.fft.rfft(chunks * _WINDOW, axis=1)  # float64: NumPy's transform is three times as fast there
    power = spectrum.real**2 + spectrum.imag**2
    sums = np.add.reduceat(power, _EDGES, axis=1)[:, :-1]  # the last band ends below the Nyquist bin
    return np.asarray(10 * np.log10(sums * _SCALE + _FLOOR), dtype=np.float32)
