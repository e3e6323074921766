"""Silence around a recording, digital or of a room, leaves its score where it was."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from bench.voice import voice
from forensics.detect.audio import AudioDetector
from forensics.media.audio import decode_audio
from forensics.settings import ModelSettings
from tests.support.dataset import data_root
from tests.support.padding import drifts, score

MOST_DRIFT = 0.05
CLIPS = 40
LEAST_S, MOST_S = 3.0, 12.0


@pytest.fixture(scope="module")
def detector() -> AudioDetector:
    settings = ModelSettings.from_env()
    return AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("offset", [0.0, 0.05])
def test_padding_a_made_up_voice_moves_nothing(detector: AudioDetector, seed: int, offset: float) -> None:
    moved = drifts(detector, voice(5.0, seed=seed) + np.float32(offset))
    assert {name: drift for name, drift in moved.items() if drift >= MOST_DRIFT} == {}


@pytest.mark.dataset
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_padding_recordings_and_fakes_moves_nothing(detector: AudioDetector) -> None:
    folder = data_root() / "audio"
    rows = list(csv.DictReader((folder / "manifest.csv").read_text().splitlines()))
    fitting = [folder / row["path"] for row in rows if LEAST_S <= float(row["seconds"]) <= MOST_S]
    chosen = np.random.default_rng(2).choice(len(fitting), size=CLIPS, replace=False)
    found: list[float] = []
    for number in chosen:
        clip = decode_audio(fitting[number].read_bytes()).samples[0]
        if score(detector, clip) is not None:
            found += drifts(detector, clip).values()
    shares = np.quantile(found, [0.5, 0.9, 0.95, 0.99, 1.0])
    below = float(np.mean(np.array(found) < MOST_DRIFT))
    print(f"\n{len(found)} paddings: drift {np.round(shares, 3)} at 50, 90, 95, 99, 100 %; {below:.1%} below 0.05")  # noqa: T201
    assert shares[-1] < MOST_DRIFT
