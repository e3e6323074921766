"""The served speech model says of three made-up recordings what it said when it was exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forensics.detect.audio import AudioDetector
from forensics.detect.encoders import EncoderMissing
from forensics.settings import ModelSettings
from training.audio.golden import GOLDEN, logits

BAND = 0.1  # of a logit: processors round differently


def test_golden_scores_hold() -> None:
    settings = ModelSettings.from_env()
    try:
        detector = AudioDetector.load(settings.models_dir, settings.encoders_dir)
    except EncoderMissing as missing:
        pytest.skip(f"{missing.detail}")
    expected = json.loads((Path(__file__).resolve().parents[3] / GOLDEN).read_text())
    assert logits(detector) == pytest.approx(expected, abs=BAND)
    assert len(set(expected.values())) == len(expected) > 2
