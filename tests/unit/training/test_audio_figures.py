"""The network on figures: groups of one page, and figures no further from the mean than training allows."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")
pytest.importorskip("sklearn", reason="scikit-learn comes with training/requirements.txt, not with the lock")

import torch

from training.audio.batches import PER_LABEL
from training.audio.figures_net import GROUPS, LARGEST, FiguresNet, _drawn


def test_groups_hold_recordings_and_then_fakes_of_one_page() -> None:
    pages = [((range(n, n + 3), [0.2, 0.6, 1.0]), (range(n + 3, n + 5), [0.0, 1.0])) for n in (0, 10, 20)]
    sums = [[(np.array(rows), np.array(chances)) for rows, chances in page] for page in pages]
    drawn = _drawn(sums, np.array([0.5, 0.5, 0.0]), np.random.default_rng(1)).reshape(GROUPS, 2, PER_LABEL)
    assert (drawn // 10 == drawn[:, :1, :1] // 10).all()  # one page
    assert set(np.unique(drawn // 10)) == {0, 1}  # never the page without a chance
    assert (drawn[:, 0] % 10 < 3).all() and (drawn[:, 1] % 10 == 4).all()  # nor the row without one


def test_a_figure_far_from_training_counts_no_more_than_the_largest_kept() -> None:
    torch.manual_seed(0)
    net = FiguresNet(torch.ones(4), torch.full((4,), 2.0)).eval()
    far, further = (torch.tensor([[1.0, 1.0, 1.0, 1.0 + 2 * LARGEST * times]]) for times in (1, 50))
    assert net.scaled(further)[0, 3] == LARGEST
    torch.testing.assert_close(net(far), net(further))
