"""Boosted trees as matrix products, exported in one graph with the network (Nakandala et al. 2020, "Hummingbird")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor, nn

Nodes = NDArray[Any]  # scikit-learn's structured array of one tree


class TreeSum(nn.Module):
    """Features (batch, width) -> raw score (batch,): the sum of one leaf of every tree, equal to decision_function."""

    def __init__(self, model: HistGradientBoostingClassifier) -> None:
        super().__init__()
        trees = [iteration[0].nodes for iteration in model._predictors]
        splits = max(int((~t["is_leaf"].astype(bool)).sum()) for t in trees)
        leaves = max(int(t["is_leaf"].sum()) for t in trees)
        features = np.zeros((len(trees), splits), dtype=np.int64)
        thresholds = np.zeros((len(trees), splits))
        paths = np.zeros((len(trees), splits, leaves))  # 1: the leaf lies left of the split, -1: right
        lefts = np.full((len(trees), leaves), np.inf)  # how many splits must say left; never reached by padding
        values = np.zeros((len(trees), leaves))
        for number, nodes in enumerate(trees):
            inner = [i for i in range(len(nodes)) if not nodes[i]["is_leaf"]]
            place = {node: n for n, node in enumerate(inner)}
            features[number, : len(inner)] = nodes["feature_idx"][inner]
            thresholds[number, : len(inner)] = nodes["num_threshold"][inner]
            for n, (value, path) in enumerate(_leaves(nodes)):
                values[number, n] = value
                for node, side in path:
                    paths[number, place[node], n] = side
                lefts[number, n] = sum(side > 0 for _, side in path)
        self.register_buffer("features", torch.tensor(features.ravel()))
        self.register_buffer("thresholds", torch.tensor(thresholds.ravel(), dtype=torch.float32))
        self.register_buffer("paths", torch.tensor(paths, dtype=torch.float32))
        self.register_buffer("lefts", torch.tensor(np.where(np.isinf(lefts), 1e6, lefts)[:, None], dtype=torch.float32))
        self.register_buffer("values", torch.tensor(values[:, None], dtype=torch.float32))
        self._shape = features.shape
        self._baseline = float(np.ravel(model._baseline_prediction)[0])

    def forward(self, x: Tensor) -> Tensor:
        left = (x[:, self.features] <= self.thresholds).float()
        by_tree = left.reshape(-1, *self._shape).transpose(0, 1)  # (trees, batch, splits)
        reached = ((by_tree @ self.paths) - self.lefts).abs() < 0.5  # (trees, batch, leaves)
        return (reached.float() * self.values).sum(dim=(0, 2)) + self._baseline


def _leaves(nodes: Nodes) -> Iterator[tuple[float, list[tuple[int, int]]]]:
    """Yield each leaf's value and its path: the splits above it with 1 for left, -1 for right."""
    waiting: list[tuple[int, list[tuple[int, int]]]] = [(0, [])]
    while waiting:
        index, path = waiting.pop()
        node = nodes[index]
        if node["is_leaf"]:
            yield float(node["value"]), path
            continue
        waiting += [(int(node["left"]), [*path, (index, 1)]), (int(node["right"]), [*path, (index, -1)])]
