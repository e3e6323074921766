"""The quicker silero-vad gives the published one's numbers, whatever it hears and however it is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.voice import voice
from forensics.detect.encoders import read_encoders
from forensics.detect.onnx import ModelUnavailable, OnnxModel
from forensics.detect.speech import ENCODER, Network, SpeechDetector
from forensics.detect.speech_network import SpeechNetwork
from forensics.media.audio import Samples
from forensics.settings import ModelSettings
from tests.unit.detect.tiny import chain


@pytest.fixture(scope="module")
def path() -> Path:
    settings = ModelSettings.from_env()
    return read_encoders(settings.models_dir)[ENCODER].located(settings.encoders_dir)


def sounds() -> dict[str, Samples]:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal(40_000)).astype(np.float32)
    return {"voice": voice(6, seed=3), "noise": noise, "silence": np.zeros(20_000, np.float32), "loud": noise * 30_000}


@pytest.mark.parametrize("name", sounds())
def test_the_probabilities_and_the_memory_are_the_published_ones(path: Path, name: str) -> None:
    samples = sounds()[name]
    frames = samples[: samples.size // 576 * 576].reshape(-1, 576)
    start = np.zeros((1, 1, 128), dtype=np.float32)
    feeds = {"input": frames, "h": start, "c": start}
    published, ours = OnnxModel(path).run(feeds), SpeechNetwork(path).run(feeds)
    assert set(ours) == set(published)
    for output, values in published.items():
        np.testing.assert_allclose(ours[output], values, rtol=1e-3, atol=1e-4)


def flags(network: Network, samples: Samples, *, block: int) -> np.ndarray:
    detector = SpeechDetector(network)
    return np.concatenate([detector.push(samples[at : at + block])[1] for at in range(0, samples.size, block)])


def test_the_cut_of_the_stream_changes_nothing(path: Path) -> None:
    samples, network = voice(8, seed=4), SpeechNetwork(path)
    whole = flags(OnnxModel(path), samples, block=samples.size)
    assert whole.mean() > 0.5
    for block in (700, 16_000, 33_333):
        np.testing.assert_array_equal(flags(network, samples, block=block), whole)


def test_another_network_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(chain(["x", "a"]))
    for file in (other, tmp_path / "absent.onnx"):
        with pytest.raises(ModelUnavailable, match=file.name):
            SpeechNetwork(file)
