"""Audio training: the split, the weights, the mel filters, what counts as one clip, and that damage knows no label."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn comes with training/requirements.txt, not with the lock")

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import WINDOW_SAMPLES
from training.audio.augment import CODECS, augment, through
from training.audio.calibrate import balanced, calibrate
from training.audio.collect import SUFFIXES, pieces
from training.audio.data import CORPUS_SHARE, Clip, capped, read_samples, weights, write_samples
from training.audio.dedupe import alike, describe, same_wave
from training.audio.evaluate import clip_scores, matched, unseen
from training.audio.mel import mel_filters
from training.audio.split import DEV_CORPORA, DEV_PAGES, TEST_CORPORA, TEST_PAGES, TEST_SYSTEMS, part_of
from training.repositories import matching


def clip(name: str, page: str, system: str = "", *, part: str = "train") -> Clip:
    family = "tts" if system else "real"
    return Clip(Path(f"{page}-{system}-{name}.flac"), int(bool(system)), page, family, system, name, 4.0, part)


def speech_like(seconds: float, *, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * (2 + rng.random(4)[:, None]) * time + 6 * rng.random(4)[:, None])
    tones = np.sin(2 * np.pi * (200 + 1500 * rng.random(4)[:, None]) * time)
    return np.asarray(0.05 * (swell * tones).sum(axis=0), dtype=np.float32)


def test_held_out_systems_are_trained_on_nowhere() -> None:
    assert not TEST_PAGES & DEV_PAGES
    assert not TEST_CORPORA & DEV_CORPORA
    assert len(TEST_SYSTEMS) >= 12
    assert part_of("index-tts", "indextts") == "test"
    assert part_of("some-other-page", "xtts") == ""
    assert part_of("flashspeech", "flashspeech") == "dev"
    assert part_of("picovoice_wake", "") == "dev"
    assert part_of("librispeech", "") == "dev"  # drawn by its name
    assert part_of("nanovoice", "nanovoice") == "train"


def test_weights_balance_labels_and_give_matched_pages_their_share() -> None:
    page = [clip(str(i), "demo", "vits" if i % 4 else "") for i in range(40)]
    corpus = [clip(str(i), "corpus") for i in range(500)] + [clip(str(i), "generated", "kokoro") for i in range(300)]
    clips = page + corpus
    found = weights(clips)
    labels = np.array([c.label for c in clips])
    assert found.sum() == pytest.approx(1)
    assert found[labels == 1].sum() == pytest.approx(0.5)
    assert found[:40].sum() == pytest.approx(1 - CORPUS_SHARE)


def test_the_cap_is_per_system_and_page_and_keeps_the_order() -> None:
    clips = [clip(str(i), page, system) for page in "ab" for system in ("", "vits") for i in range(9)]
    kept = capped(clips, most=4)
    assert len(kept) == 16
    assert kept == [c for c in clips if c in kept]


def test_mel_filters_are_the_slaney_bank() -> None:
    bank = mel_filters(bands=80, fft_size=400)
    assert bank.shape == (80, 201)
    assert (np.diff(bank.argmax(axis=1)) >= 0).all()
    peaks_hz = mel_filters(bands=80, fft_size=65_536).argmax(axis=1) * SAMPLE_RATE_HZ / 65_536
    # 45.245 mel up to 8 kHz over 81 steps: 37.24 Hz each below 1 kHz, by the factor exp(ln 6.4 / 27 * 0.5586) above
    assert peaks_hz[0] == pytest.approx(37.24, abs=0.2)
    assert peaks_hz[79] / peaks_hz[78] == pytest.approx(1.0391, abs=0.0005)


def test_a_stored_clip_comes_back(tmp_path: Path) -> None:
    samples = speech_like(1.3)
    write_samples(tmp_path / "a" / "b.flac", samples)
    np.testing.assert_allclose(read_samples(tmp_path / "a" / "b.flac"), samples, atol=1e-4)


def test_copies_are_found_and_other_takes_are_not(tmp_path: Path) -> None:
    first, other = speech_like(3.0), speech_like(3.0, seed=5)
    noise = 0.001 * np.random.default_rng(1).standard_normal(first.size).astype(np.float32)
    paths = [tmp_path / f"{n}.flac" for n in ("first", "copy", "other")]
    for path, samples in zip(paths, (first, 0.5 * first + noise, other), strict=True):
        write_samples(path, samples)
    assert list(alike(*describe(paths))) == [(0, 1)]
    assert same_wave(paths[0], paths[1])
    assert not same_wave(paths[0], paths[2])


def test_long_recordings_give_spread_pieces_and_short_ones_stay_whole() -> None:
    long, short = speech_like(70.0), speech_like(5.0)
    assert [p.size for p in pieces(long)] == [10 * SAMPLE_RATE_HZ] * 4
    np.testing.assert_array_equal(next(pieces(short)), short)


def test_files_are_taken_in_an_order_that_does_not_change() -> None:
    names = ["a/1.wav", "a/2.wav", "b/3.wav", "a/readme.md"]
    assert matching(names, "a/*", suffixes=SUFFIXES) == matching(names[::-1], "a/*", suffixes=SUFFIXES)
    assert set(matching(names, "a/*", suffixes=SUFFIXES)) == {"a/1.wav", "a/2.wav"}


@pytest.mark.parametrize("codec", dict.fromkeys(CODECS), ids=lambda c: c.encoder)
def test_every_codec_returns_the_clip(codec) -> None:  # type: ignore[no-untyped-def]
    samples = speech_like(2.0)
    back = through(samples, codec, kbps=codec.rates_kbps[-1] if codec.rates_kbps else None)
    assert back.size == pytest.approx(samples.size, rel=0.1)
    assert np.abs(back).max() > 0.05


def test_histories_repeat_with_their_seed_and_know_no_label() -> None:
    assert set(inspect.signature(augment).parameters) == {"samples", "rng", "history"}
    samples = speech_like(6.0)
    for seed in range(12):
        window = augment(samples, np.random.default_rng(seed))
        assert window.shape == (WINDOW_SAMPLES,)
        assert np.isfinite(window).all()
        np.testing.assert_array_equal(window, augment(samples, np.random.default_rng(seed)))


def test_scores_are_means_of_windows_and_only_unseen_matched_clips_count() -> None:
    clips = [clip("1", "demo"), clip("2", "demo", "new"), clip("3", "demo", "old"), clip("4", "corpus")]
    table = {str(c.path): c for c in clips}
    paths = [str(c.path) for c in clips for _ in range(2)]
    found, means = clip_scores(paths, np.arange(8.0), table)
    assert found == clips
    np.testing.assert_array_equal(means, [0.5, 2.5, 4.5, 6.5])
    assert matched(clips).tolist() == [True, True, True, False]
    assert unseen(clips, {"old"}).tolist() == [True, True, False, True]


def test_thresholds_come_from_the_dev_pages_and_rates_from_the_test_pages() -> None:
    rng = np.random.default_rng(0)
    dev = [clip(str(i), f"p{i % 5}", "vits" if i % 2 else "") for i in range(400)]
    test = [replace(c, page=f"q{c.page}") for c in dev]
    raw = np.array([rng.normal(2.0 * c.label, 1.0) for c in dev])
    found = calibrate(dev, raw, test, raw - 0.5)
    assert found.slope > 0
    assert found.normal.synthetic > found.strict.synthetic
    assert found.normal.fpr < 0.03 < found.strict.fpr < 0.10
    assert balanced(dev)[np.array([c.label for c in dev]) == 0].sum() == pytest.approx(0.5)
