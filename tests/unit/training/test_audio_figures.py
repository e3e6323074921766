"""The network on figures: groups of one page, and figures no further from the mean than training allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")
pytest.importorskip("sklearn", reason="scikit-learn comes with training/requirements.txt, not with the lock")

import torch

from training.audio.batches import PER_LABEL, Pool
from training.audio.figures_net import CONFIG, LARGEST, FiguresNet, member, read_config
from training.audio.train import drawn, fit


def test_groups_hold_recordings_and_then_fakes_of_one_page() -> None:
    pages = [((range(n, n + 3), [0.2, 0.6, 1.0]), (range(n + 3, n + 5), [0.0, 1.0])) for n in (0, 10, 20)]
    sums = [[(np.array(rows), np.array(chances)) for rows, chances in page] for page in pages]
    rows = drawn(sums, np.array([0.5, 0.5, 0.0]), np.random.default_rng(1), groups=64).reshape(64, 2, PER_LABEL)
    assert (rows // 10 == rows[:, :1, :1] // 10).all()  # one page
    assert set(np.unique(rows // 10)) == {0, 1}  # never the page without a chance
    assert (rows[:, 0] % 10 < 3).all() and (rows[:, 1] % 10 == 4).all()  # nor the row without one


def test_a_figure_far_from_training_counts_no_more_than_the_largest_kept() -> None:
    torch.manual_seed(0)
    net = FiguresNet(torch.ones(4), torch.full((4,), 2.0), read_config(CONFIG)).eval()
    far, further = (torch.tensor([[1.0, 1.0, 1.0, 1.0 + 2 * LARGEST * times]]) for times in (1, 50))
    assert net.scaled(further)[0, 3] == LARGEST
    torch.testing.assert_close(net(far), net(further))


def test_a_member_learns_what_differs_within_a_page_and_not_between_pages() -> None:
    """The first figure tells fakes within a page, the second tells pages, one of which is mostly fake."""
    rng = np.random.default_rng(3)
    page, label = np.repeat([0, 1], 200), np.tile([0, 1], 200)
    figures = np.stack([label + 0.3 * rng.standard_normal(400), 3.0 * page, rng.standard_normal(400)], axis=1)
    rows = [[np.flatnonzero((page == p) & (label == kind)) for kind in (0, 1)] for p in (0, 1)]
    pages = tuple(tuple((r, np.full(len(r), 1 / len(r))) for r in page_rows) for page_rows in rows)
    pool = Pool(np.zeros((400, 2), dtype=np.int64), pages, np.array([0.5, 0.5]), frozenset())
    config = replace(read_config(CONFIG), steps=150, groups=8, width=32, narrow=8, hidden_inputs=0.0)
    torch.manual_seed(1)
    net = member(3, config)
    fit(net, torch.from_numpy(figures.astype(np.float32)), pool, config, number=0)
    with torch.no_grad():
        logits = net.eval()(torch.from_numpy(figures.astype(np.float32)))[:, 0].numpy()
    for number in (0, 1):
        here = page == number
        assert np.mean(logits[here & (label == 1)][:, None] > logits[here & (label == 0)]) > 0.95
    assert abs(logits[page == 0].mean() - logits[page == 1].mean()) < 0.5 * (
        logits[label == 1].mean() - logits[label == 0].mean()
    )
