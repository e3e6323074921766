"""A made-up voice, so that speech can be timed and tested without a recording: harmonics of a moving pitch through moving formants.

It says nothing and is nobody's; silero-vad takes it for speech, which is all it is for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE_HZ = 16_000
# Formants in Hz of a, e, i, o, u and schwa of a man (Peterson and Barney 1952), and their widths.
VOWELS_HZ = np.array(
    [[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240], [490, 1350, 1690]]
)
WIDTHS_HZ = np.array([80.0, 110.0, 160.0])
HIGHEST_HZ = 4500.0
PHRASE_SYLLABLES, PAUSE_S = 9, 0.3
PEAK = 0.5


def voice(seconds: float, *, seed: int = 0) -> Samples:
    """Return float32 (n,) at RATE_HZ; the same seed gives the same words."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    starts, loudness = _syllables(seconds, rng)
    time = np.arange(count) / RATE_HZ
    pitch = 120 * np.exp2(np.interp(time, starts, rng.normal(0, 0.18, starts.size)) + 0.01 * np.sin(33 * time))
    formants = VOWELS_HZ[rng.integers(len(VOWELS_HZ), size=starts.size)]
    tracks = np.stack([np.interp(time, starts, formants[:, i]) for i in range(3)])  # (3, n) Hz
    envelope = np.interp(time, *_envelope(starts, loudness))
    sound = envelope * _harmonics(pitch, tracks) + 0.02 * _hiss(time, starts, rng) + 1e-4 * rng.standard_normal(count)
    return np.asarray(sound * (PEAK / max(float(np.abs(sound).max()), 1e-9)), dtype=np.float32)


def _syllables(seconds: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where syllables begin, in seconds, and how loud each is; every few there is a breath."""
    count = round(seconds * 8) + 8
    lengths = rng.uniform(0.14, 0.28, count)
    lengths[PHRASE_SYLLABLES - 1 :: PHRASE_SYLLABLES] += PAUSE_S
    return np.concatenate([[0.02], np.cumsum(lengths)]), rng.uniform(0.5, 1.0, count + 1)


def _envelope(
    starts: NDArray[np.float64], loudness: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return corners of the loudness: each syllable rises in 30 ms, holds and falls before the next one."""
    corners = np.stack([starts, starts + 0.03, starts + 0.1, starts + 0.13], axis=1)
    levels = np.stack([0.05 * loudness, loudness, 0.8 * loudness, 0.03 * loudness], axis=1)
    return corners.ravel(), levels.ravel()


def _harmonics(pitch: NDArray[np.float64], tracks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the harmonics of `pitch` in Hz (n,), each as loud as the formants `tracks` (3, n) let it through."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    total = np.zeros_like(pitch)
    for number in range(1, int(HIGHEST_HZ / pitch.min()) + 1):
        hertz = number * pitch
        gain = sum(1 / (1 + ((hertz - track) / width) ** 2) for track, width in zip(tracks, WIDTHS_HZ, strict=True))
        total += np.where(hertz < HIGHEST_HZ, gain / number**0.5, 0.0) * np.sin(number * phase)
    return total


def _hiss(time: NDArray[np.float64], starts: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a consonant's noise before every other syllable."""
    noise = np.diff(rng.standard_normal(time.size), prepend=0.0)
    corners: NDArray[np.float64] = np.stack(
        [starts[::2] - 0.05, starts[::2] - 0.03, starts[::2], starts[::2] + 0.01], axis=1
    ).ravel()
    gain = np.interp(time, corners, np.tile([0.0, 1.0, 1.0, 0.0], starts[::2].size))
    return np.asarray(noise * gain, dtype=np.float64)
