"""Signals on pictures whose spectrum is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from forensics.detect.signals import SignalRange, SignalRanges, luma_sample, measure_signals, spectrum

RNG = np.random.default_rng(5)
RANGE = SignalRanges({"spectrum": SignalRange(0.1, 0.5, "soft", "natural", "sharp", "Fine structure.")})


def white_noise(side: int = 256) -> np.ndarray:
    grey = RNG.integers(0, 256, (side, side, 1), dtype=np.uint8)
    return np.repeat(grey, 3, axis=2)


def test_white_noise_fills_its_share_of_the_rings() -> None:
    # Equal power everywhere: the ring areas alone decide, (0.5^2 - 0.25^2) / (0.5^2 - 0.125^2) = 0.8.
    assert spectrum(luma_sample(white_noise())) == pytest.approx(0.8, abs=0.02)


def test_enlarging_takes_the_upper_half_away() -> None:
    small = Image.fromarray(white_noise(128))
    enlarged = np.asarray(small.resize((256, 256), Image.Resampling.BICUBIC))
    assert spectrum(luma_sample(enlarged)) < 0.3


def test_words_and_scores_follow_the_range() -> None:
    (sharp,) = measure_signals(white_noise(), RANGE)
    assert sharp.value == "sharp" and sharp.score == pytest.approx((0.8 - 0.5) / 0.4, abs=0.06)
    assert "90 %" in sharp.what


def test_tiny_pictures_and_missing_ranges_have_no_signals() -> None:
    assert measure_signals(white_noise()[:40], RANGE) == ()
    assert measure_signals(white_noise(), SignalRanges({})) == ()
