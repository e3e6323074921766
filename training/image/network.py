"""One two-layer network on standardised features: what it is shown, and how it is taught."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Schooling:
    """How a network is fitted: rates per step, dropout as probabilities, the share of each view in a batch.

    `pairs` of one content are shown in each step beside the batch; the edit shall score above its original, and that counts
    `pair_weight` times as much as the batch.
    """

    hidden: int
    steps: int
    batch: int
    rate: float
    decay: float
    dropout_in: float
    dropout_hidden: float
    label_smoothing: float
    view_weights: tuple[float, ...]
    pairs: int
    pair_weight: float


@dataclass(frozen=True)
class Lesson:
    """What a network is shown: labels (n,), how often each picture is drawn (n,), and pairs (p, 2) of original and edit."""

    labels: NDArray[np.float32]
    shares: Floats
    pairs: NDArray[np.int64]
    pair_shares: Floats


def fit_network(inputs: torch.Tensor, lesson: Lesson, how: Schooling, *, seed: int) -> nn.Sequential:
    """Fit on inputs (items, views, width), float16."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = nn.Sequential(
        nn.Dropout(how.dropout_in),
        nn.Linear(inputs.shape[2], how.hidden),
        nn.GELU(),
        nn.Dropout(how.dropout_hidden),
        nn.Linear(how.hidden, 1),
    )
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=how.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, how.rate, total_steps=how.steps)
    views = np.array(how.view_weights) / sum(how.view_weights)
    soft = torch.from_numpy(lesson.labels * (1 - how.label_smoothing) + how.label_smoothing / 2)
    for _ in range(how.steps):
        rows = rng.choice(len(lesson.shares), how.batch, p=lesson.shares)
        shown = inputs[rows, rng.choice(len(views), how.batch, p=views)]
        drawn = _draw_pairs(lesson, how, rng)
        view = rng.choice(len(views), len(drawn), p=views)  # both of a pair in the same view
        shown = torch.cat([shown, inputs[drawn[:, 0], view], inputs[drawn[:, 1], view]])
        logits = net(shown.float())[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(logits[: how.batch], soft[rows])
        if len(drawn):
            original, edit = logits[how.batch :].chunk(2)
            loss = loss + how.pair_weight * nn.functional.softplus(original - edit).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


def _draw_pairs(lesson: Lesson, how: Schooling, rng: np.random.Generator) -> NDArray[np.int64]:
    if not len(lesson.pairs):
        return lesson.pairs
    return lesson.pairs[rng.choice(len(lesson.pairs), how.pairs, p=lesson.pair_shares)]
