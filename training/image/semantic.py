"""The whole-view head on frozen features: two-layer networks that ask two things, was it made and was it altered.

Its logit is the soft maximum of two voices. The first is the mean of networks that learned from everything and of networks that
saw no edits; the second of networks that saw edits alone, beside their originals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import erf, logsumexp, softmax

from training.image.data import Item, balanced_weights, split
from training.image.edits import altered, pairs_of_one_content
from training.image.network import Lesson, Schooling, fit_network

Floats = NDArray[np.float64]
VOICES = 2  # made, altered


@dataclass(frozen=True)
class HeadRecipe:
    """How a head is fitted: how many networks of each sort, their schooling, and what the second voice gives away.

    `altered_handicap` is subtracted from the second voice: edits are rarer and harder, and its networks know no made pictures.
    Families in `left_out_families` are measured and not taught; those in `taught_weights` count so many times in a batch.
    """

    seed: int
    general: int
    made: int
    altered: int
    altered_handicap: float
    schooling: Schooling
    left_out_families: tuple[str, ...] = ()
    taught_weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Head:
    """logit = logsumexp(gelu(h) @ outward + bias) with h = features @ inward + offset; the networks' units lie side by side."""

    inward: Floats  # (width, units)
    offset: Floats  # (units,)
    outward: Floats  # (units, voices)
    bias: Floats  # (voices,)

    def voices(self, features: NDArray[np.float32]) -> Floats:
        """Return what each voice says of features (..., width): (..., voices)."""
        hidden = features @ self.inward + self.offset
        return np.asarray(hidden * (1 + erf(hidden / np.sqrt(2))) / 2 @ self.outward + self.bias)

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Score features (..., width)."""
        return np.asarray(logsumexp(self.voices(features), axis=-1))

    def altered(self, features: NDArray[np.float32]) -> Floats:
        """Return how much of the logit is the second voice's, 0..1: (...,)."""
        return np.asarray(softmax(self.voices(features), axis=-1)[..., 1])


def fit_head(features: NDArray[np.float32], items: Sequence[Item], recipe: HeadRecipe) -> Head:
    """Fit on features (items, views, width): batches balance labels and damp large sources, views by their weight."""
    kept = [n for n, item in enumerate(items) if item.family not in recipe.left_out_families]
    width = features.shape[2]
    items = [items[n] for n in kept]
    flat = features.reshape(-1, width)
    mean, std = flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64) + 1e-6
    # Half precision in memory: a batch is turned to single precision when it is drawn.
    inputs = torch.from_numpy(
        np.stack([((features[n] - mean) / std).astype(np.float16) for n in kept])
    )  # (items, views, width)
    fitted = []
    for lesson, voice, count in lessons(items, recipe):
        for _ in range(count):
            network = fit_network(inputs, lesson, recipe.schooling, seed=recipe.seed + len(fitted))
            fitted.append((network, voice))
    return _joined(fitted, mean, std, handicap=recipe.altered_handicap)


def lessons(items: Sequence[Item], recipe: HeadRecipe) -> list[tuple[Lesson, int, int]]:
    """Return (lesson, voice, networks) of each sort: what its networks see, and whom they speak for."""
    fake, edit = np.array([item.label for item in items]) == 1, altered(items)
    pairs = pairs_of_one_content(items)
    nothing = np.zeros((0, 2), dtype=np.int64)
    everything = np.ones(len(items), dtype=np.bool_)
    sorts = [
        (everything, nothing, 0, recipe.general),
        (~edit, nothing, 0, recipe.made),
        (~fake | edit, pairs, 1, recipe.altered),
    ]
    labels = fake.astype(np.float32)
    return [
        (Lesson(labels, weigh(items, recipe, seen=seen), shown, _pair_weights(items, shown)), voice, count)
        for seen, shown, voice, count in sorts
        if count
    ]


def weigh(items: Sequence[Item], recipe: HeadRecipe, *, seen: NDArray[np.bool_]) -> Floats:
    """Return how often each picture is drawn (n,): both labels alike, sources by the root of their size, families as told."""
    index = np.flatnonzero(seen)
    raw = np.zeros(len(items))
    raw[index] = balanced_weights([items[n] for n in index])
    raw *= [recipe.taught_weights.get(item.family, 1.0) for item in items]
    fake = np.array([item.label for item in items]) == 1
    raw[fake] *= raw[~fake].sum() / raw[fake].sum()
    return np.asarray(raw / raw.sum())


def out_of_fold(
    features: NDArray[np.float32], items: Sequence[Item], recipe: HeadRecipe, fold_of: dict[str, int]
) -> tuple[Floats, list[Head]]:
    """Return logits and the altered voice's share (items, views, 2), each of a head that had the item held out, and those heads."""
    said = np.zeros((*features.shape[:2], 2))
    heads = []
    for fold in sorted(set(fold_of.values())):
        train, held = split(items, fold_of, fold=fold)
        head = fit_head(features[train], [items[n] for n in train], recipe)
        said[held, :, 0], said[held, :, 1] = head.logits(features[held]), head.altered(features[held])
        heads.append(head)
        print(f"fold {fold}: {len(train)} train, {len(held)} held out", flush=True)
    return said, heads


def _pair_weights(items: Sequence[Item], pairs: NDArray[np.int64]) -> Floats:
    """Return how often each pair is drawn (pairs,): the sources of the edits by the root of their pairs."""
    sources = np.array([items[edit].source for _, edit in pairs])
    _, inverse, counts = np.unique(sources, return_inverse=True, return_counts=True)
    raw = counts[inverse] ** -0.5 if len(pairs) else np.zeros(0)
    return np.asarray(raw / raw.sum())


def _joined(fitted: Sequence[tuple[torch.nn.Sequential, int]], mean: Floats, std: Floats, *, handicap: float) -> Head:
    """Return one head of all networks; a voice is the mean of its own. Weights are rounded to the half precision that ships."""
    inward, offset, outward, bias = [], [], [], np.array([0.0, -handicap])
    shared = [sum(voice == other for _, other in fitted) for _, voice in fitted]
    for (network, voice), count in zip(fitted, shared, strict=True):
        weight, own, out, last = (p.detach().numpy().astype(np.float64) for p in network.parameters())
        scaled = (weight.T / std[:, None]).astype(np.float16).astype(np.float64)
        inward.append(scaled)
        offset.append(own - mean @ scaled)
        column = np.zeros((len(own), VOICES))
        column[:, voice] = out[0] / count
        outward.append(column)
        bias[voice] += float(last[0]) / count
    return Head(np.concatenate(inward, axis=1), np.concatenate(offset), np.concatenate(outward), bias)
