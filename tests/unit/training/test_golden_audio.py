"""The network that is trained is the network that is served: spectrum against NumPy, ONNX against torch, batches by page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx comes with training/requirements.txt, not with the lock")
pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")
pytest.importorskip("sklearn", reason="scikit-learn comes with training/requirements.txt, not with the lock")

import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from forensics.detect.onnx import OnnxModel
from forensics.media.audio import SAMPLE_RATE_HZ
from forensics.media.speech import WINDOW_SAMPLES, model_window
from training.audio.attribution import OTHER, FamilyHead
from training.audio.export import Exported, Voices, write_onnx
from training.audio.figures_net import FiguresNet
from training.audio.grain import Grain, grain
from training.audio.low_rank import narrow_stem
from training.audio.net import EMBEDDING, POOLED, STEM_WIDTH, Detector
from training.audio.plane_net import PlaneDetector
from training.audio.spectra import BINS, FFT, HOP, OWN_SHARE, ShortTimeSpectrum, linear_views, phase_regularity
from training.audio.spectral_augment import damaged
from training.audio.textures import Textures, textures
from training.audio.train import loss_of
from training.audio.trees import TreeSum

RNG = np.random.default_rng(5)
FEATURES, GRAIN_FEATURES = 361, 792


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


def test_a_steady_tone_has_regular_phase_and_noise_has_not() -> None:
    time = np.arange(WINDOW_SAMPLES) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    noise = RNG.standard_normal(WINDOW_SAMPLES).astype(np.float32)
    spectrum = ShortTimeSpectrum()(torch.from_numpy(np.stack([tone, noise])))
    found = phase_regularity(spectrum, spectrum[0] ** 2 + spectrum[1] ** 2).numpy()
    assert found[0, 25, 5:-5].min() > 0.99
    assert abs(float(found[1, :, 5:-5].mean())) < 0.1


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of the exporter, in newer torch
def test_the_exported_graph_equals_the_trained_network(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = Detector(width=64, dropout=0.3).eval()
    labels = ("hifigan", OTHER)
    head = FamilyHead(labels, RNG.normal(0, 0.1, (2 * POOLED, 2)), np.zeros(2), 0.9, 1.0, 0.5)
    width = FEATURES + GRAIN_FEATURES
    figures = FiguresNet(torch.zeros(width), torch.ones(width))
    voices = Voices(TreeSum(small_trees()), TreeSum(small_trees(GRAIN_FEATURES)), figures)
    model = Exported(net, torch.eye(EMBEDDING)[:, :4], torch.zeros(4), head, voices).eval()
    write_onnx(model, tmp_path / "net.onnx")
    net.eval()
    samples = windows(3)
    served = OnnxModel(tmp_path / "net.onnx").run({"samples": samples})
    with torch.no_grad():
        logit, distance, families = (part.numpy() for part in model(torch.from_numpy(samples)))
    # the file keeps large weights in half precision
    np.testing.assert_allclose(served["logit"], logit, atol=2e-3)
    np.testing.assert_allclose(served["distance"], distance, atol=2e-3)
    np.testing.assert_allclose(served["families"], families, atol=2e-3)
    np.testing.assert_allclose(served["families"].sum(axis=1), 1, atol=1e-5)


def small_trees(width: int = FEATURES) -> HistGradientBoostingClassifier:
    x = RNG.normal(0, 5, (400, width))
    model = HistGradientBoostingClassifier(max_iter=12, max_leaf_nodes=7, min_samples_leaf=5)
    return model.fit(x, (x[:, 3] + x[:, 40] > 0).astype(int))


def test_trees_as_products_equal_the_trees() -> None:
    model = small_trees()
    x = RNG.normal(0, 5, (50, FEATURES)).astype(np.float32)
    np.testing.assert_allclose(TreeSum(model)(torch.from_numpy(x)).numpy(), model.decision_function(x), atol=1e-5)


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


def test_one_convolution_hears_bins_against_both_their_levels() -> None:
    torch.manual_seed(3)
    net = Detector(width=64, dropout=0.3).eval()
    real, imaginary = ShortTimeSpectrum()(torch.from_numpy(windows(2)))
    own, mean = linear_views(real**2 + imaginary**2)
    with torch.no_grad():
        whole = net.lin(torch.cat([own * OWN_SHARE + mean, own], dim=1))
        torch.testing.assert_close(net._linear((own, mean)), whole, atol=1e-4, rtol=1e-4)


def test_a_narrow_stem_of_full_rank_is_the_stem() -> None:
    torch.manual_seed(4)
    net = Detector(width=64, dropout=0.3).eval()
    samples = torch.from_numpy(windows(2))
    with torch.no_grad():
        before = net.listen(samples)[0]
        narrow_stem(net, samples, rank=STEM_WIDTH)
        torch.testing.assert_close(net.listen(samples)[0], before, atol=1e-3, rtol=1e-3)


def test_the_second_network_takes_any_even_number_of_frames() -> None:
    torch.manual_seed(5)
    net = PlaneDetector(dropout=0.3).eval()
    samples = torch.from_numpy(windows(2))
    with torch.no_grad():
        for length in (WINDOW_SAMPLES, WINDOW_SAMPLES * 3 // 4):
            logit, _, _ = net.listen(samples[:, :length])
            assert logit.shape == (2,) and torch.isfinite(logit).all()


def test_damage_keeps_the_shape_and_never_sees_a_label() -> None:
    torch.manual_seed(2)
    spectrum = ShortTimeSpectrum()(torch.from_numpy(windows(8)))
    real, imaginary = damaged(spectrum)
    assert real.shape == imaginary.shape == spectrum[0].shape
    assert torch.isfinite(real).all() and not torch.equal(real, spectrum[0])


def test_the_pairwise_loss_falls_as_fakes_rise_above_their_own_page() -> None:
    labels = torch.tensor([0.0, 0.0, 1.0, 1.0])
    apart, mixed = torch.tensor([-1.0, -1.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, -1.0, -1.0])
    assert loss_of(apart, labels, smooth=0.0, rank=1.0) < loss_of(mixed, labels, smooth=0.0, rank=1.0)
    shifted = loss_of(apart + 3, labels, smooth=0.0, rank=1.0) - loss_of(apart + 3, labels, smooth=0.0, rank=0.0)
    still = loss_of(apart, labels, smooth=0.0, rank=1.0) - loss_of(apart, labels, smooth=0.0, rank=0.0)
    assert float(shifted) == pytest.approx(float(still), abs=1e-5)  # the page's own level does not matter to it
