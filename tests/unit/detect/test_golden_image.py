"""The shipped image model on pictures of the repo: score bands, guards, speed of the signals."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from forensics.detect.encoders import EncoderMissing
from forensics.detect.image import ImageDetector
from forensics.domain.scores import Detection
from forensics.media.image import decode_image
from forensics.settings import ModelSettings

MEDIA = Path(__file__).resolve().parents[3] / "examples" / "media"


@cache
def shipped() -> ImageDetector:
    settings = ModelSettings.from_env()
    return ImageDetector.load(settings.models_dir, settings.encoders_dir)


@pytest.fixture
def detector() -> ImageDetector:
    try:
        return shipped()
    except EncoderMissing as missing:
        pytest.skip(f"{missing.detail}")


def detect(detector: ImageDetector, name: str) -> Detection:
    return detector.detect(decode_image((MEDIA / name).read_bytes()).rgb)


@pytest.mark.parametrize("name", ["photo.jpg", "portrait.jpg"])
def test_photographs_are_never_decided_fake(detector: ImageDetector, name: str) -> None:
    found = detect(detector, name)
    assert found.score is not None and 0.02 < found.score < found.normal.thresholds.synthetic


def test_the_same_picture_gives_the_same_score(detector: ImageDetector) -> None:
    assert detect(detector, "photo.jpg").score == detect(detector, "photo.jpg").score


def test_a_flat_picture_and_a_chart_are_not_decided_fake(detector: ImageDetector) -> None:
    chart = np.full((400, 600, 3), 255, dtype=np.uint8)
    for n in range(8):
        chart[380 - 40 * n : 380, 40 + 65 * n : 80 + 65 * n] = (40, 90 + 10 * n, 160)
    grey = np.full((400, 600, 3), 127, dtype=np.uint8)
    for picture in (chart, grey):
        found = detector.detect(picture)
        assert found.score is not None
        assert found.reasons or found.score < found.normal.thresholds.synthetic
    assert "out_of_distribution" in detector.detect(grey).reasons


def test_patch_scores_average_to_the_score(detector: ImageDetector) -> None:
    rgb = decode_image((MEDIA / "portrait.jpg").read_bytes()).rgb
    heat = detector.heatmap(rgb).astype(np.float64)
    assert heat.shape == (28, 28)
    logits = np.log(np.clip(heat, 1e-6, 1 - 1e-6) / (1 - np.clip(heat, 1e-6, 1 - 1e-6)))
    score = detector.detect(rgb).score
    assert score is not None
    assert float(logits.mean()) == pytest.approx(
        float(np.log(score / (1 - score))), abs=0.05
    )  # probabilities are clipped


def test_signals_speak_in_documented_words(detector: ImageDetector) -> None:
    signals = {s.name: s for s in detect(detector, "photo.jpg").signals}
    assert set(signals) == {"spectrum"}
    assert signals["spectrum"].value in {"soft", "natural", "sharp"} and 0 <= signals["spectrum"].score <= 1
