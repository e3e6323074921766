"""The whole-view head: a small ensemble of two-layer networks on frozen features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import erf
from torch import nn

from training.image.data import Item, balanced_weights, split

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeadRecipe:
    """How a head is fitted: rates per step, dropout as probabilities, the share of each view in a batch.

    Families in `left_out_families` are measured and not taught; those in `taught_weights` count so many times in a batch.
    """

    seed: int
    members: int
    hidden: int
    steps: int
    batch: int
    rate: float
    decay: float
    dropout_in: float
    dropout_hidden: float
    label_smoothing: float
    view_weights: tuple[float, ...]
    left_out_families: tuple[str, ...] = ()
    taught_weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Head:
    """logit = gelu(features @ inward + offset) @ outward + bias; the members' units lie side by side."""

    inward: Floats  # (width, units)
    offset: Floats  # (units,)
    outward: Floats  # (units,)
    bias: float

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Score features (..., width)."""
        hidden = features @ self.inward + self.offset
        return np.asarray(hidden * (1 + erf(hidden / np.sqrt(2))) / 2 @ self.outward + self.bias)


def fit_head(features: NDArray[np.float32], items: Sequence[Item], recipe: HeadRecipe) -> Head:
    """Fit on features (items, views, width): batches balance labels and damp large sources, views by their weight."""
    kept = [n for n, item in enumerate(items) if item.family not in recipe.left_out_families]
    features, items = features[kept], [items[n] for n in kept]
    width = features.shape[2]
    mean = features.reshape(-1, width).mean(axis=0)
    std = features.reshape(-1, width).std(axis=0) + 1e-6
    inputs = torch.from_numpy((features - mean) / std)  # (items, views, width)
    labels = torch.tensor([float(item.label) for item in items])
    members = [
        _fit_member(inputs, labels, weigh(items, recipe), recipe, seed=recipe.seed + n) for n in range(recipe.members)
    ]
    inward = np.concatenate([m[1].weight.detach().numpy().T for m in members], axis=1) / std[:, None]
    offset = np.concatenate([m[1].bias.detach().numpy() for m in members]) - mean @ inward
    outward = np.concatenate([m[4].weight.detach().numpy()[0] for m in members]) / len(members)
    bias = float(np.mean([float(m[4].bias.detach()) for m in members]))
    return Head(inward.astype(np.float64), offset.astype(np.float64), outward.astype(np.float64), bias)


def weigh(items: Sequence[Item], recipe: HeadRecipe) -> Floats:
    """Return how often each picture is drawn (n,): both labels alike, sources by the root of their size, families as told."""
    raw = balanced_weights(items) * [recipe.taught_weights.get(item.family, 1.0) for item in items]
    fake = np.array([item.label for item in items]) == 1
    raw[fake] *= raw[~fake].sum() / raw[fake].sum()
    return np.asarray(raw)


def out_of_fold(
    features: NDArray[np.float32], items: Sequence[Item], recipe: HeadRecipe, fold_of: dict[str, int]
) -> tuple[Floats, list[Head]]:
    """Return logits (items, views), each from the head of a fold that held the item out, and those heads."""
    logits = np.zeros(features.shape[:2])
    heads = []
    for fold in sorted(set(fold_of.values())):
        train, held = split(items, fold_of, fold=fold)
        head = fit_head(features[train], [items[n] for n in train], recipe)
        logits[held] = head.logits(features[held])
        heads.append(head)
        print(f"fold {fold}: {len(train)} train, {len(held)} held out", flush=True)
    return logits, heads


def _fit_member(
    inputs: torch.Tensor, labels: torch.Tensor, weights: Floats, recipe: HeadRecipe, *, seed: int
) -> nn.Sequential:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = nn.Sequential(
        nn.Dropout(recipe.dropout_in),
        nn.Linear(inputs.shape[2], recipe.hidden),
        nn.GELU(),
        nn.Dropout(recipe.dropout_hidden),
        nn.Linear(recipe.hidden, 1),
    )
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=recipe.steps)
    share, views = weights / weights.sum(), np.array(recipe.view_weights) / sum(recipe.view_weights)
    soft = labels * (1 - recipe.label_smoothing) + recipe.label_smoothing / 2
    for _ in range(recipe.steps):
        rows = rng.choice(len(share), recipe.batch, p=share)
        logits = net(inputs[rows, rng.choice(len(views), recipe.batch, p=views)])[:, 0]  # (batch,)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, soft[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()
