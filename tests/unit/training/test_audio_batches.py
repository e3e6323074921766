"""Batches: every group holds both labels, lone sources meet in groups of their own, joints say nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.audio import batches
from training.audio.batches import GROUP, PER_LABEL, Pool, joined, load_pool
from training.audio.data import Clip

SAMPLES = 100


def clip(name: str, *, label: int, page: str) -> Clip:
    return Clip(Path(name), label, page, "tts" if label else "real", f"{page}-tts" if label else "", name, 4.0, "train")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    """One page with both labels (samples 1 and 2), a corpus (3), a synthesiser run by hand (4)."""
    members = [clip(f"page-{label}-{i}", label=label, page="page") for label in (0, 1) for i in range(3)]
    members += [clip(f"corpus-{i}", label=0, page="corpus") for i in range(3)]
    members += [clip(f"robot-{i}", label=1, page="robot") for i in range(3)]
    values = np.repeat([1, 2, 3, 4], 3)
    array = np.tile(values[:, None], SAMPLES).astype(np.int16)
    monkeypatch.setattr(batches, "open_view", lambda part, view: ([str(c.path) for c in members], array))
    return load_pool(["0"], {str(c.path): c for c in members})


def test_a_group_is_of_one_page_or_of_lone_sources(pool: Pool) -> None:
    windows, labels = pool.draw(np.random.default_rng(0), size=100 * GROUP, samples=SAMPLES)
    values = np.round(np.abs(windows) * batches.INT16).astype(int).reshape(-1, GROUP, SAMPLES)
    assert {tuple(group) for group in labels.reshape(-1, GROUP)} == {(0, 0, 1, 1)}
    fakes = values[:, PER_LABEL:].max(axis=(1, 2))
    lone = fakes == 4
    assert 0.03 < lone.mean() < 0.25, "lone sources are drawn, and seldom"
    assert set(np.unique(values[~lone])) == {1, 2}
    assert set(np.unique(values[lone])) == {3, 4}


def test_a_joined_fake_stays_partly_fake_and_a_joined_recording_real() -> None:
    windows = np.repeat([0.1, 0.1, 0.9, 0.9] * 200, SAMPLES).reshape(-1, SAMPLES).astype(np.float32)
    result = joined(windows, np.random.default_rng(1)).reshape(-1, GROUP, SAMPLES)
    assert np.all(result[:, :PER_LABEL] == np.float32(0.1))
    fake = (result[:, PER_LABEL:] == np.float32(0.9)).mean(axis=2)
    assert fake.min() >= batches.LEAST_KEPT - 1 / SAMPLES
    assert 0.5 * batches.JOINED < (fake < 1).mean() < 1.5 * batches.JOINED
