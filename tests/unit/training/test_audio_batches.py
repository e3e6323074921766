"""Batches: every group holds both labels, lone sources meet in groups of their own, joints say nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.audio import batches
from training.audio.batches import LONE, Pool, load_pool
from training.audio.data import Clip
from training.audio.joins import KEPT, joined, partners

SAMPLES = 1000


def clip(name: str, *, label: int, page: str) -> Clip:
    return Clip(Path(name), label, page, "tts" if label else "real", f"{page}-tts" if label else "", name, 4.0, "train")


MEMBERS = [
    *(clip(f"page-{label}-{i}", label=label, page="page") for label in (0, 1) for i in range(3)),
    *(clip(f"corpus-{i}", label=0, page="corpus") for i in range(3)),
    *(clip(f"robot-{i}", label=1, page="robot") for i in range(3)),
]
PATHS = [str(c.path) for c in MEMBERS]
KNOWN = dict(zip(PATHS, MEMBERS, strict=True))


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    """One page with both labels (rows 0 to 5), a corpus (6 to 8), a synthesiser run by hand (9 to 11)."""
    monkeypatch.setattr(batches, "open_view", lambda part, view: (PATHS, np.zeros((len(PATHS), SAMPLES), np.int16)))
    return load_pool(["0"], KNOWN)


def test_a_group_is_of_one_page_or_of_lone_sources(pool: Pool) -> None:
    (recordings, fakes), (lone_recordings, lone_fakes) = pool.pages
    assert [list(rows) for rows, _ in (recordings, fakes)] == [[0, 1, 2], [3, 4, 5]]
    assert [list(rows) for rows, _ in (lone_recordings, lone_fakes)] == [[6, 7, 8], [9, 10, 11]]
    assert pool.chances == pytest.approx([1 - LONE, LONE])
    assert all(chances.sum() == pytest.approx(1) for page in pool.pages for _, chances in page)
    assert pool.systems == {"", "page-tts", "robot-tts"}


def test_windows_are_joined_with_another_recording_of_their_page() -> None:
    pairs = partners([*PATHS, "unknown"], KNOWN, np.random.default_rng(0))
    assert [own for own, _ in pairs] == [*range(6), 6, 7, 8], "a page without recordings has nothing to join"
    assert all(own != other for own, other in pairs)
    assert all(other in ((0, 1, 2) if own < 6 else (6, 7, 8)) for own, other in pairs)


def test_a_joined_fake_stays_partly_fake() -> None:
    own, other = np.full((200, SAMPLES), 7, np.int16), np.zeros((200, SAMPLES), np.int16)
    result = joined(own, other, np.random.default_rng(1))
    kept = (result == 7).mean(axis=1)
    assert KEPT[0] - 1 / SAMPLES <= kept.min() < kept.max() <= KEPT[1]
    at_the_end = result[:, -1] == 7
    assert 0.3 < at_the_end.mean() < 0.7
    assert np.all((result[:, 0] == 7) != at_the_end), "one joint, own on one side"
    assert np.all(own == 7), "the view is left as it was"
