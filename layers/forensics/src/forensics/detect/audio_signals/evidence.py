"""What the measurements look at: a table of the whole recording, and frames of a bounded number of stretches of speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.media.windows import CHUNK_SAMPLES, CHUNK_SECONDS, Flags

Table = NDArray[np.float32]
Grid = NDArray[np.float64]

# Edges in Hz of the bands whose energies are kept for every chunk.
BAND_EDGES_HZ = (62.5, 125, 250, 500, 750, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000, 6000, 7000, 8000)
SILENCE_DB = -120.0


@dataclass(frozen=True)
class Chunks:
    """The whole recording in chunks of CHUNK_SECONDS: `bands` is float32 (chunks, bands) in dB of full scale, `level` their sum,
    `zero` marks digital silence, `speech` what the speech detector said."""

    bands: Table
    level: Table
    zero: Flags
    speech: Flags

    @property
    def seconds(self) -> float:
        return float(self.level.size) * CHUNK_SECONDS

    @property
    def speech_level(self) -> float:
        """Mean power of the speech chunks in dB of full scale; SILENCE_DB without speech."""
        levels = self.level[self.speech]
        return float(10 * np.log10(np.mean(10 ** (levels / 10)))) if levels.size else SILENCE_DB


@dataclass(frozen=True)
class Frames:
    """Frames of CHUNK_SAMPLES, every HOP_SAMPLES, of the stretches of speech kept for close looks, one row each.

    `power` is (frames, 257), `delay` the group delay of the bins TREBLE in samples from the frame's middle;
    `pitch_hz`, `periodicity` (0..1) and `level` (dB) are (frames,); `stretch` numbers the stretch; `active` frames are within
    30 dB of the loudest, `voiced` ones also periodic.
    """

    power: Grid
    delay: Grid
    pitch_hz: Grid
    periodicity: Grid
    level: Grid
    stretch: NDArray[np.int64]
    active: Flags
    voiced: Flags


@dataclass(frozen=True)
class Evidence:
    """All that is kept of one channel; `frames` is None without a stretch of speech, `native_hz` is the file's own rate."""

    chunks: Chunks
    frames: Frames | None
    native_hz: int | None = None


@dataclass(frozen=True)
class Measure:
    """One number in its documented unit, a sentence of what else was seen, and a word with its score when the range does not
    choose them."""

    value: float
    note: str = ""
    word: str | None = None
    word_score: float = 1.0


BIN_HZ = 16_000 / CHUNK_SAMPLES


def bins(low_hz: float, high_hz: float) -> slice:
    """Return the bins of a CHUNK_SAMPLES spectrum from low_hz up to, not including, high_hz."""
    return slice(round(low_hz / BIN_HZ), round(high_hz / BIN_HZ))


TREBLE = bins(4000, 7800)  # what vocoders rebuild worst, below the resampler's edge
