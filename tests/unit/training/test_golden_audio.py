"""The network that is trained is the network that is served: spectrum against NumPy, ONNX against torch, batches by page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx comes with training/requirements.txt, not with the lock")
pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")
pytest.importorskip("sklearn", reason="scikit-learn comes with training/requirements.txt, not with the lock")

import torch

from forensics.detect.onnx import OnnxModel
from forensics.media.audio import SAMPLE_RATE_HZ
from forensics.media.speech import WINDOW_SAMPLES, model_window
from training.audio.attribution import OTHER, FamilyHead
from training.audio.channels import CHANNELS, Channels
from training.audio.export import Exported, write_onnx
from training.audio.figures import Figures
from training.audio.figures_net import CONFIG, FiguresNet, loss_of, read_config
from training.audio.grain import Grain, grain
from training.audio.long_frames import BINS as LONG_BINS
from training.audio.long_frames import FRAME, LongFrames, LongSpectrum, long_frames
from training.audio.long_frames import HOP as LONG_HOP
from training.audio.spectra import BINS, FFT, HOP, ShortTimeSpectrum
from training.audio.textures import Textures, textures

RNG = np.random.default_rng(5)
FEATURES, GRAIN_FEATURES, LONG_FEATURES = 361, 792, 728


def windows(count: int) -> np.ndarray:
    time = np.arange(WINDOW_SAMPLES) / SAMPLE_RATE_HZ
    rows = [np.sin(2 * np.pi * 150 * (n + 1) * time) + 0.05 * RNG.standard_normal(WINDOW_SAMPLES) for n in range(count)]
    return np.stack([model_window(r.astype(np.float32)) for r in rows])


def test_the_spectrum_is_the_windowed_transform() -> None:
    (samples,) = windows(1)
    real, imaginary = (part[0].numpy() for part in ShortTimeSpectrum()(torch.from_numpy(samples[None])))
    assert real.shape == (BINS, WINDOW_SAMPLES // HOP)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
    start = 100 * HOP - FFT // 2
    expected = np.fft.rfft(samples[start : start + FFT] * hann)
    np.testing.assert_allclose(real[:, 100] + 1j * imaginary[:, 100], expected, atol=1e-3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of the exporter, in newer torch
def test_the_exported_graph_equals_the_trained_network(tmp_path: Path) -> None:
    torch.manual_seed(1)
    width = FEATURES + GRAIN_FEATURES + LONG_FEATURES + 3 * CHANNELS
    head = FamilyHead(("vocoder", OTHER), RNG.normal(0, 0.02, (width, 2)), np.zeros(2), 0.9, 1.0, 0.5)
    samples = windows(3)
    figures, config = Figures(Channels()).eval(), read_config(CONFIG)
    with torch.no_grad():
        seen = figures(torch.from_numpy(samples))
    net = FiguresNet(seen.mean(dim=0), seen.std(dim=0) + 1.0, config).eval()
    size = config.members * config.narrow
    model = Exported(figures, net, torch.eye(size)[:, :4], torch.zeros(4), head).eval()
    write_onnx(model, tmp_path / "net.onnx")
    served = OnnxModel(tmp_path / "net.onnx").run({"samples": samples})
    with torch.no_grad():
        logit, distance, families = (part.numpy() for part in model(torch.from_numpy(samples)))
    # the file keeps large weights in half precision
    np.testing.assert_allclose(served["logit"], logit, atol=2e-3)
    np.testing.assert_allclose(served["distance"], distance, atol=2e-3)
    np.testing.assert_allclose(served["families"], families, atol=2e-3)
    np.testing.assert_allclose(served["families"].sum(axis=1), 1, atol=1e-5)


def test_figures_of_a_window_do_not_hear_its_level_but_its_phase() -> None:
    noise = 0.05 * RNG.standard_normal(WINDOW_SAMPLES).astype(np.float32)
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(WINDOW_SAMPLES) / SAMPLE_RATE_HZ).astype(np.float32)
    found = textures(np.stack([noise, 2 * noise, tone]))
    assert found.shape == (3, FEATURES) and np.isfinite(found).all()
    # all but the means and percentiles of cepstra, which hold the level of single bands, are of shapes
    np.testing.assert_allclose(found[0, 39:119], found[1, 39:119], rtol=0.02, atol=0.02)
    regular = found[:, FEATURES - 64 : FEATURES - 48]  # the phase's
    assert regular[2, 1] > regular[0, 1] + 0.15  # 1 kHz lies there


def test_figures_are_told_alike_for_one_window_and_for_many() -> None:
    samples = windows(3)
    layer = Textures()(ShortTimeSpectrum()(torch.from_numpy(samples))).numpy()
    np.testing.assert_allclose(textures(samples[1:2])[0], layer[1], atol=1e-4)


def test_the_grain_is_told_alike_for_one_window_and_for_many_and_whatever_its_sign() -> None:
    samples = windows(3)
    several = Grain()(torch.from_numpy(samples), ShortTimeSpectrum()(torch.from_numpy(samples))).numpy()
    assert several.shape == (3, GRAIN_FEATURES) and np.isfinite(several).all()
    np.testing.assert_allclose(grain(-samples[1:2])[0], several[1], atol=1e-3)


def test_the_grain_hears_what_goes_together() -> None:
    noise = 0.05 * RNG.standard_normal((2, WINDOW_SAMPLES)).astype(np.float32)
    swelling = 1 + 0.9 * np.sin(2 * np.pi * 3 * np.arange(WINDOW_SAMPLES) / SAMPLE_RATE_HZ).astype(np.float32)
    found = grain(np.stack([noise[0], noise[1] * swelling]))
    bands = slice(2 * 100 + 100 + 8 * 8 + 4 * 11, 2 * 100 + 100 + 8 * 8 + 4 * 11 + 120)  # pairs of bands
    assert found[1, bands].mean() > found[0, bands].mean() + 0.3


def test_narrow_convolutions_of_full_rank_are_the_wide_ones() -> None:
    torch.manual_seed(4)
    layer = Channels().eval()
    spectrum = ShortTimeSpectrum()(torch.from_numpy(windows(2)))
    with torch.no_grad():
        before = layer(spectrum)
        layer.narrow(spectrum, rank=CHANNELS)
        torch.testing.assert_close(layer(spectrum), before, atol=1e-3, rtol=1e-3)
    with pytest.raises(TypeError, match="narrow already"):
        layer.narrow(spectrum)


def test_the_long_spectrum_is_the_windowed_transform() -> None:
    samples = windows(2)
    power = LongSpectrum()(torch.from_numpy(samples)).numpy()
    assert power.shape == (2, WINDOW_SAMPLES // LONG_HOP, LONG_BINS)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    start = 50 * LONG_HOP - LONG_HOP // 2
    expected = np.abs(np.fft.rfft(samples[1, start : start + FRAME] * hann)[:LONG_BINS]) ** 2
    np.testing.assert_allclose(power[1, 50], expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_long_frames_are_told_alike_for_one_window_and_for_many_and_whatever_their_sign() -> None:
    samples = windows(3)
    several = LongFrames()(torch.from_numpy(samples)).numpy()
    assert several.shape == (3, LONG_FEATURES) and np.isfinite(several).all()
    np.testing.assert_allclose(long_frames(-samples[1:2])[0], several[1], atol=1e-3)


def test_long_frames_hear_harmonics_that_the_short_spectrum_blurs() -> None:
    time = np.arange(WINDOW_SAMPLES) / SAMPLE_RATE_HZ
    noise = 0.01 * RNG.standard_normal((2, WINDOW_SAMPLES)).astype(np.float32)
    harmonics = sum(np.sin(2 * np.pi * 125 * n * time) for n in range(1, 60)).astype(np.float32)
    found = long_frames(noise + np.stack([0 * harmonics, 0.01 * harmonics]))
    eighth = 3 * 64 + 256 + 4 * 16 + 6 * 8  # 125 Hz are eight bins: the offset's groups
    assert (found[1, eighth : eighth + 6] > found[0, eighth : eighth + 6] + 0.5).all()


def test_the_pairwise_loss_falls_as_fakes_rise_above_their_own_page() -> None:
    labels = torch.tensor([0.0, 0.0, 1.0, 1.0])
    apart, mixed = torch.tensor([-1.0, -1.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, -1.0, -1.0])
    assert loss_of(apart, labels, smooth=0.0, rank=1.0) < loss_of(mixed, labels, smooth=0.0, rank=1.0)
    shifted = loss_of(apart + 3, labels, smooth=0.0, rank=1.0) - loss_of(apart + 3, labels, smooth=0.0, rank=0.0)
    still = loss_of(apart, labels, smooth=0.0, rank=1.0) - loss_of(apart, labels, smooth=0.0, rank=0.0)
    assert float(shifted) == pytest.approx(float(still), abs=1e-5)  # the page's own level does not matter to it
