"""Level, edges and windows of speech."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import (
    ACTIVE_RMS,
    HOP_SAMPLES,
    WINDOW_SAMPLES,
    fit_window,
    model_window,
    normalise_level,
    trim_edges,
    window_starts,
)


def burst(seconds: float, *, seed: int = 0, level: float = 0.2) -> Samples:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * SAMPLE_RATE_HZ))).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), dtype=np.float32)


@pytest.mark.parametrize("gain", [0.001, 0.1, 3.0])
def test_level_does_not_depend_on_gain_offset_or_silence(gain: float) -> None:
    clip = burst(1.0)
    padded = np.concatenate([clip * gain, silence(3.0)])
    assert np.sqrt((normalise_level(padded)[: clip.size] ** 2).mean()) == pytest.approx(ACTIVE_RMS, rel=0.01)
    np.testing.assert_allclose(normalise_level(clip + 0.5), normalise_level(clip), atol=1e-4)


def test_silence_stays_silence() -> None:
    assert not normalise_level(silence(1.0)).any()
    assert trim_edges(silence(1.0)).size == 0
    assert not model_window(silence(0.0)).any()


def test_edges_are_trimmed_to_sixty_milliseconds() -> None:
    clip = np.concatenate([silence(1.0), burst(1.0), silence(2.0)])
    assert trim_edges(clip).size / SAMPLE_RATE_HZ == pytest.approx(1.12, abs=0.021)


def test_short_clips_are_repeated_to_the_window() -> None:
    clip = burst(1.0)
    window = fit_window(clip)
    assert window.size == WINDOW_SAMPLES
    np.testing.assert_array_equal(window[clip.size : 2 * clip.size], clip)


@pytest.mark.parametrize("seconds", [0.5, 4.0, 5.0, 6.0, 11.3])
def test_windows_cover_everything_and_end_with_it(seconds: float) -> None:
    length = round(seconds * SAMPLE_RATE_HZ)
    starts = window_starts(length)
    assert starts[0] == 0
    assert starts[-1] == max(length - WINDOW_SAMPLES, 0)
    assert all(0 < b - a <= HOP_SAMPLES for a, b in itertools.pairwise(starts))
