"""A recording's spectrogram and waveform, gathered while it streams by, in bounded memory (numpy only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.pooling import MaxPool

MOST_COLUMNS = 1200
MOST_BUCKETS = 1000
BANDS = 128  # linear, 62.5 Hz each, up to half the sampling rate: band limits and vocoder lines lie on it as they are
BAND_HZ = SAMPLE_RATE_HZ / 2 / BANDS

_FFT_SAMPLES = 512
_FRAME_HOP = SAMPLE_RATE_HZ // 100  # 10 ms
FRAME_SECONDS = _FRAME_HOP / SAMPLE_RATE_HZ
_BUCKET_SAMPLES = SAMPLE_RATE_HZ // 50  # 20 ms: an envelope, not a sound
_BATCH_FRAMES = 500
_WINDOW = np.hanning(_FFT_SAMPLES + 1)[:-1].astype(np.float32)
_FULL_SCALE = float(_WINDOW.sum() / 2) ** 2  # the power of a sine of amplitude 1
_FLOOR = 1e-12


@dataclass(frozen=True)
class Sketch:
    """What a channel looks like: `levels` is float32 (columns, BANDS) in dB of full scale, a column every `column_s` seconds;
    `low` and `high` are float32 (buckets,), the extremes of the samples in every `bucket_s` seconds."""

    levels: NDArray[np.float32]
    column_s: float
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    bucket_s: float


class ChannelSketch:
    """Draws one channel while it streams by; `column_s` is the finest column, a multiple of FRAME_SECONDS.

    Columns of 0.1 s and buckets of 20 ms show pauses, pitch and band limits, and lose most of what makes words.
    """

    def __init__(self, *, column_s: float) -> None:
        frames = max(1, round(column_s / FRAME_SECONDS))
        self._spectrum = MaxPool(width=BANDS, most=MOST_COLUMNS, per_column=frames)
        self._wave = MaxPool(width=2, most=MOST_BUCKETS)
        self._waiting: list[Samples] = []
        # Frames are centred on their time, so the first one begins before the recording.
        self._frames = self._silence = np.zeros(_FFT_SAMPLES // 2, dtype=np.float32)
        self._bucket = np.zeros(0, dtype=np.float32)

    def push(self, samples: Samples) -> None:
        """Take the next mono samples (n,)."""
        self._waiting.append(samples)
        if sum(w.size for w in self._waiting) >= SAMPLE_RATE_HZ:
            self._draw()

    def close(self) -> Sketch:
        """Return the sketch of everything that was pushed."""
        self._draw()
        self._take_frames(self._silence)
        if self._bucket.size:
            self._take_buckets(self._bucket[None])
        powers, wave = self._spectrum.columns(), self._wave.columns()
        return Sketch(
            levels=(10 * np.log10(np.maximum(powers, _FLOOR))).astype(np.float32),
            column_s=self._spectrum.per_column * FRAME_SECONDS,
            low=-wave[:, 0],
            high=wave[:, 1],
            bucket_s=self._wave.per_column * _BUCKET_SAMPLES / SAMPLE_RATE_HZ,
        )

    def _draw(self) -> None:
        samples = np.concatenate([self._silence[:0], *self._waiting])
        self._waiting = []
        self._take_frames(samples)
        bucket = np.concatenate([self._bucket, samples])
        whole = bucket.size // _BUCKET_SAMPLES * _BUCKET_SAMPLES
        self._take_buckets(bucket[:whole].reshape(-1, _BUCKET_SAMPLES))
        self._bucket = bucket[whole:]

    def _take_frames(self, samples: Samples) -> None:
        self._frames = np.concatenate([self._frames, samples])
        ready = max(0, 1 + (self._frames.size - _FFT_SAMPLES) // _FRAME_HOP)
        for first in range(0, ready, _BATCH_FRAMES):
            length = (min(_BATCH_FRAMES, ready - first) - 1) * _FRAME_HOP + _FFT_SAMPLES
            self._spectrum.push(band_powers(self._frames[first * _FRAME_HOP :][:length]))
        self._frames = self._frames[ready * _FRAME_HOP :]

    def _take_buckets(self, buckets: NDArray[np.float32]) -> None:
        self._wave.push(np.stack([-buckets.min(axis=1), buckets.max(axis=1)], axis=1))


class RecordingSketch:
    """Sketches of all channels of a stream of blocks."""

    def __init__(self, *, column_s: float) -> None:
        self._column_s = column_s
        self._channels: list[ChannelSketch] = []

    def push(self, block: Samples) -> None:
        """Take the next block (channels, n); the first one tells how many channels there are."""
        self._channels = self._channels or [ChannelSketch(column_s=self._column_s) for _ in block]
        for sketch, samples in zip(self._channels, block, strict=True):
            sketch.push(samples)

    def close(self, *, channel: int) -> Sketch:
        """Return the sketch of one channel; an empty one when nothing was pushed."""
        chosen = self._channels[channel] if self._channels else ChannelSketch(column_s=self._column_s)
        return chosen.close()


def band_powers(samples: Samples) -> NDArray[np.float32]:
    """Return the power in each band of every frame of 512 samples, hop 10 ms: float32 (frames, BANDS), 1 is full scale."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT_SAMPLES)[::_FRAME_HOP]
    spectrum = np.fft.rfft(frames * _WINDOW, axis=1)[:, 1:]  # (frames, 256): without the offset
    power = (spectrum.real**2 + spectrum.imag**2) / _FULL_SCALE
    return np.asarray(power.reshape(len(frames), BANDS, -1).max(axis=2), dtype=np.float32)
