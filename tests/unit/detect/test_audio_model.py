"""The model that is shipped: its graph, its thresholds, and that level, padding and batch do not move its score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forensics.detect.audio_manifest import AudioManifest, load_audio_manifest
from forensics.detect.onnx import OnnxModel
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import WINDOW_SAMPLES, model_window

MODEL_DIR = Path(__file__).resolve().parents[3] / "models" / "audio"
MOST_BYTES = 20_000_000


@pytest.fixture(scope="module")
def manifest() -> AudioManifest:
    return load_audio_manifest(MODEL_DIR)


@pytest.fixture(scope="module")
def network(manifest: AudioManifest) -> OnnxModel:
    return OnnxModel(manifest.network)


def voice(*, seed: int = 0, seconds: float = 4.0) -> Samples:
    """A buzz through moving formants: no speech, but a spectrum like it."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time)) / SAMPLE_RATE_HZ
    buzz = sum(np.sin(n * pitch) / n for n in range(1, 30))
    return np.asarray(
        0.1 * buzz * (1 + np.sin(2 * np.pi * 3 * time)) + 0.002 * rng.standard_normal(time.size), np.float32
    )


def test_it_is_small_and_takes_windows_in_any_number(manifest: AudioManifest, network: OnnxModel) -> None:
    assert manifest.network.stat().st_size < MOST_BYTES
    assert network.inputs["samples"][1] == WINDOW_SAMPLES
    windows = np.stack([model_window(voice(seed=s)) for s in range(3)])
    together = network.run({"samples": windows})
    assert together["logit"].shape == together["distance"].shape == (3,)
    alone = network.run({"samples": windows[:1]})
    np.testing.assert_allclose(together["logit"][:1], alone["logit"], atol=1e-3)


def test_thresholds_are_in_order(manifest: AudioManifest) -> None:
    for mode in (manifest.normal, manifest.strict):
        assert 0 < mode.thresholds.authentic <= mode.thresholds.synthetic < 1
        assert mode.operating_point.fpr < mode.operating_point.recall
    assert manifest.strict.thresholds.synthetic <= manifest.normal.thresholds.synthetic
    assert manifest.spans.leave <= manifest.spans.enter <= manifest.spans.partial


def test_gain_does_not_move_the_score(network: OnnxModel) -> None:
    windows = np.stack([model_window(gain * voice()) for gain in (0.01, 1.0, 4.0)])
    logits = network.run({"samples": windows})["logit"]
    assert np.ptp(logits) < 0.02


def test_different_sounds_score_differently(network: OnnxModel) -> None:
    noise = np.random.default_rng(1).standard_normal(WINDOW_SAMPLES).astype(np.float32)
    logits = network.run({"samples": np.stack([model_window(voice()), model_window(noise)])})["logit"]
    assert np.isfinite(logits).all()
    assert abs(float(logits[0] - logits[1])) > 0.05
