"""Which kind of generator made it: a multinomial fit on a window's figures, named only where it was right nine times in ten.

Folds are by page, so a kind is only ever recognised on somebody else's page. Recordings are taught as "other", and so are kinds
that never reach the precision. Single systems cannot be told this way: their names say what spoke, not what made the sound of it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from training.audio.data import Clip, load_clips
from training.audio.figures import all_figures
from training.audio.figures_net import FiguresNet

OTHER = "other"
KINDS = {"tts": "text-to-speech", "vc": "voice-conversion", "vocoder": "vocoder", "codec": "neural-codec"}
PRECISION = 0.9
LEAST_NAMED, SUREST = 20, 50
FOLDS = 5
MOST_ROWS = 2_500  # of a view
INVERSE_REGULARISATION = 0.0003
PARTS = (("train", "1"), ("train", "2"), ("train", "4"), ("train", "6"), ("train", "10"), ("dev", "clean"))
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FamilyHead:
    """probabilities = softmax(scaled figures @ weights + bias) over `labels`; named from `threshold` on."""

    labels: tuple[str, ...]
    weights: Floats  # (width, labels)
    bias: Floats
    threshold: float
    precision: float
    coverage: float  # share of the named families' fakes that are named at the threshold

    def manifest(self) -> str:
        """Return the manifest's section with its figures, nothing when no family can be named."""
        if not self.coverage:
            return ""
        figures = (
            f"Right {self.precision:.3f} of the time on held-out pages, named for {self.coverage:.3f} of these fakes."
        )
        return f"\n# {figures}\n[attribution]\nlabels = {json.dumps(self.labels)}\nthreshold = {self.threshold:.4f}\n"


def fit_families(net: FiguresNet) -> FamilyHead:
    """Fit on the figures of training and dev windows, scaled as `net` scales them; kinds and threshold by held-out pages."""
    clips, figures = _figures(net)
    pages = np.array([c.page for c in clips])
    names = set(KINDS.values())
    while names:
        kinds = [KINDS[c.family] if c.label else OTHER for c in clips]
        targets = np.array([kind if kind in names else OTHER for kind in kinds])
        labels = tuple(sorted({str(t) for t in targets}))
        probabilities = np.zeros((len(clips), len(labels)))
        for train, test in GroupKFold(FOLDS).split(figures, targets, pages):
            weights, bias = _fit(figures[train], targets[train], pages[train], labels)
            probabilities[test] = _softmax(figures[test] @ weights + bias)
        threshold, precision, coverage = _choose(probabilities, targets, labels)
        poor = [n for n in names if _precision_of(n, probabilities, targets, labels, threshold) < PRECISION]
        print(f"named {sorted(names)}: {precision:.3f} right, {coverage:.3f} named; poor: {poor}", flush=True)
        if not poor:
            weights, bias = _fit(figures, targets, pages, labels)
            return FamilyHead(labels, weights, bias, threshold, precision, coverage)
        names = names - {min(poor, key=lambda n: _precision_of_surest(n, probabilities, targets, labels))}
    return no_families(figures.shape[1])


def no_families(width: int) -> FamilyHead:
    """Return a head that names nothing."""
    return FamilyHead((OTHER,), np.zeros((width, 1)), np.zeros(1), 1.01, float("nan"), 0.0)


def _figures(net: FiguresNet) -> tuple[list[Clip], Floats]:
    known = {str(c.path): c for c in load_clips()}
    clips, parts = [], []
    rng = np.random.default_rng(0)
    for part, view in PARTS:
        paths, values = all_figures(part, view)
        rows = np.array([i for i, p in enumerate(paths) if p in known and not known[p].system.startswith("copy_")])
        rows = np.sort(rng.permutation(rows)[:MOST_ROWS])
        clips += [known[paths[i]] for i in rows]
        parts.append(net.scaled(torch.from_numpy(values[rows])).numpy())
    return clips, np.concatenate(parts).astype(np.float64)


def _fit(
    x: Floats, targets: NDArray[np.str_], pages: NDArray[np.str_], labels: tuple[str, ...]
) -> tuple[Floats, Floats]:
    """Return weights (width, labels) and bias of a regression in which labels weigh alike, pages by the root of their size."""
    pairs = list(zip(targets, pages, strict=True))
    sizes = Counter(pairs)
    weight = np.array([sizes[p] ** -0.5 for p in pairs])
    for label in labels:
        weight[targets == label] /= max(weight[targets == label].sum(), 1e-12)
    weight[targets == OTHER] *= len(labels)  # most of what is met is none of these
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=60, tol=1e-3)
    model.fit(x, targets, sample_weight=weight * len(x) / weight.sum())
    weights, bias = np.zeros((x.shape[1], len(labels))), np.full(len(labels), -1e3)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two labels: the second's logit against the first's
        coefficients, intercepts = np.vstack([-coefficients, coefficients]) / 2, np.append(-intercepts, intercepts) / 2
    for row, label in enumerate(model.classes_):
        place = labels.index(str(label))
        weights[:, place], bias[place] = coefficients[row], intercepts[row]
    return weights, bias


def _choose(probabilities: Floats, targets: NDArray[np.str_], labels: tuple[str, ...]) -> tuple[float, float, float]:
    """Return the lowest threshold from which on the named ones are right often enough, with its precision and coverage."""
    best, guess = probabilities.max(axis=1), np.array(labels)[probabilities.argmax(axis=1)]
    named = guess != OTHER
    order = np.argsort(-best[named])
    right = np.cumsum((guess == targets)[named][order]) / np.arange(1, named.sum() + 1)
    fine = np.flatnonzero((right >= PRECISION) & (np.arange(1, named.sum() + 1) >= LEAST_NAMED))
    if not len(fine):
        return 1.01, float("nan"), 0.0  # no threshold keeps the promise: nothing is ever named
    last = int(fine[-1])
    coverage = float(right[last] * (last + 1) / max(np.sum(targets != OTHER), 1))
    return float(best[named][order][last]), float(right[last]), coverage


def _precision_of(
    name: str, probabilities: Floats, targets: NDArray[np.str_], labels: tuple[str, ...], threshold: float
) -> float:
    """Return how often a family is right where it is named at the threshold; 0 when it is hardly ever named."""
    named = (probabilities.argmax(axis=1) == labels.index(name)) & (probabilities.max(axis=1) >= threshold)
    return float(np.mean(targets[named] == name)) if named.sum() >= LEAST_NAMED // 2 else 0.0


def _precision_of_surest(name: str, probabilities: Floats, targets: NDArray[np.str_], labels: tuple[str, ...]) -> float:
    """Return how often a kind is right among the SUREST that are named so."""
    column = np.where(probabilities.argmax(axis=1) == labels.index(name), probabilities[:, labels.index(name)], -1.0)
    return float(np.mean(targets[np.argsort(-column)[:SUREST]] == name))


def _softmax(logits: Floats) -> Floats:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
