"""Decoded frames to blocks of samples at the model's rate, whatever rate, layout or format each frame has."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
MAX_CHANNELS = 2  # more are mixed down: surround is not a telephone's two sides
BLOCK_SAMPLES = 2 * SAMPLE_RATE_HZ  # frames of 20 ms each would cost the readers more than their samples do

# The resampler's filter grows with the ratio of the rates: a header that says 1 GHz would ask for gigabytes of it.
LEAST_RATE_HZ, MOST_RATE_HZ = 1_000, 768_000
MAX_FORMAT_CHANGES = 64  # in one file; each builds a filter anew
LARGEST_SAMPLE = 32_768.0  # floats are kept where their squares are still finite, also those scaled as integers

Samples = NDArray[np.float32]


class Resampler:
    """Turns one track's frames into float32 (channels, n) blocks; the first frame decides on one channel or two."""

    def __init__(self) -> None:
        self._layout = ""
        self._format: tuple[str, int, int] | None = None
        self._changes = -1
        self._inner: av.AudioResampler | None = None

    def push(self, frame: AudioFrame) -> Iterator[Samples]:
        """Take the next frame and yield what is ready; raises ValueError when the frame's rate is out of bounds."""
        found = (frame.format.name, frame.layout.nb_channels, frame.sample_rate)
        if found != self._format:
            yield from self._drain()
            self._restart(found)
        if self._inner is not None:
            yield from map(_block, self._inner.resample(frame))

    def close(self) -> Iterator[Samples]:
        """Yield what is left."""
        yield from self._drain()

    def _restart(self, found: tuple[str, int, int]) -> None:
        _, channels, rate = found
        self._changes += 1
        if not LEAST_RATE_HZ <= rate <= MOST_RATE_HZ or self._changes > MAX_FORMAT_CHANGES:
            raise ValueError("the sample rate is out of bounds, or changes too often")
        self._layout = self._layout or ("stereo" if channels == MAX_CHANNELS else "mono")
        self._format = found
        self._inner = av.AudioResampler(
            format="fltp", layout=self._layout, rate=SAMPLE_RATE_HZ, frame_size=BLOCK_SAMPLES
        )

    def _drain(self) -> Iterator[Samples]:
        if self._inner is not None:
            inner, self._inner = self._inner, None
            yield from map(_block, inner.resample(None))


def _block(frame: AudioFrame) -> Samples:
    block = np.asarray(frame.to_ndarray(), dtype=np.float32)
    np.nan_to_num(block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(block, -LARGEST_SAMPLE, LARGEST_SAMPLE, out=block)
