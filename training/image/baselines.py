"""What simple things reach on the same pictures and folds: python -m training.image.baselines

A forest on container facts (size, format, quantisation tables) of the files as found, a plain probe on the encoder's
embedding, and a logistic regression on residual and spectrum (training.image.residual_facts), all by unseen generator
family. Writes models/image/baselines.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.image.data import Item, assign_folds, balanced_weights, load_items, split
from training.image.features import load_features, view_of
from training.image.residual_facts import residual_facts
from training.image.tables import kinds
from training.metrics import auc, bootstrap

Floats = NDArray[np.float64]
Fit = Callable[[NDArray[np.float32], NDArray[np.int64], Floats], Callable[[NDArray[np.float32]], Floats]]

FOLDS = 5
EMBEDDING_WIDTH = 512
VIEWS = 2  # clean, and one random history
SHOWN_KINDS = ("faces", "faces, swaps", "scenes", "pairs of one content")


def main() -> None:
    items = load_items()
    facts = np.array([container_facts(item) for item in items], dtype=np.float32)[:, None]
    embeddings = load_features(items, views=VIEWS)[..., :EMBEDDING_WIDTH]
    measured = {
        "random forest on container facts of the files as found": rows(items, out_of_fold(facts, items, forest)),
        "plain probe on the encoder's embedding, no augmentation": rows(items, out_of_fold(embeddings, items, probe)),
        "logistic regression on residual and spectrum": rows(items, out_of_fold(residuals(items), items, logistic)),
    }
    Path("models/image/baselines.json").write_text(json.dumps(measured, indent=1) + "\n")
    for name, row in measured.items():
        print(name, row, flush=True)


def rows(items: Sequence[Item], scores: Floats) -> dict[str, str]:
    """Return AUC by name for scores (items, views): all pictures clean and after a random history, some kinds clean."""
    labels, sources = np.array([i.label for i in items]), np.array([i.source for i in items])
    measured = {"all": str(bootstrap(auc, scores[:, 0], labels, sources))}
    if scores.shape[1] > 1:
        measured["random history"] = str(bootstrap(auc, scores[:, 1], labels, sources))
    groups = kinds(items)
    for kind in SHOWN_KINDS:
        index = groups[kind]
        measured[kind] = str(bootstrap(auc, scores[index, 0], labels[index], sources[index]))
    return measured


def out_of_fold(features: NDArray[np.float32], items: Sequence[Item], fit: Fit) -> Floats:
    """Return scores (items, views) of models that learned from clean views of other folds; `features` is (items, views, width)."""
    fold_of = assign_folds(items, folds=FOLDS)
    labels = np.array([item.label for item in items])
    scores = np.zeros(features.shape[:2])
    for fold in range(FOLDS):
        train, held = split(items, fold_of, fold=fold)
        weights = balanced_weights([items[n] for n in train]) * len(train)
        judge = fit(features[train, 0], labels[train], weights)
        for view in range(features.shape[1]):
            scores[held, view] = judge(features[held, view])
    return scores


def forest(features: NDArray[np.float32], labels: NDArray[np.int64], weights: Floats) -> Callable[..., Floats]:
    model = RandomForestClassifier(200, min_samples_leaf=5, random_state=0, n_jobs=1)
    model.fit(features, labels, sample_weight=weights)
    return lambda held: np.asarray(model.predict_proba(held)[:, 1])


def probe(features: NDArray[np.float32], labels: NDArray[np.int64], weights: Floats) -> Callable[..., Floats]:
    return logistic(features, labels, weights, strength=0.003)


def logistic(
    features: NDArray[np.float32], labels: NDArray[np.int64], weights: Floats, *, strength: float = 0.1
) -> Callable[..., Floats]:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=400))
    model.fit(features, labels, logisticregression__sample_weight=weights)
    return lambda held: np.asarray(model.decision_function(held))


def residuals(items: Sequence[Item]) -> NDArray[np.float32]:
    """Measure residual and spectrum of every view, (items, views, width), with a line of progress now and then."""
    facts = []
    for number, item in enumerate(items, start=1):
        facts.append([residual_facts(view_of(item, view=view)) for view in range(VIEWS)])
        if number % 1000 == 0 or number == len(items):
            print(f"residuals {number}/{len(items)}", flush=True)
    return np.array(facts, dtype=np.float32)


def container_facts(item: Item) -> NDArray[np.float64]:
    """Return what a file says without its pixels: sides, bytes per pixel, format, quantisation table means."""
    with Image.open(item.path) as image:
        tables = getattr(image, "quantization", None) or {}
        means = [float(np.mean(list(tables[k]))) if k in tables else -1.0 for k in (0, 1)]
        formats = [float(image.format == name) for name in ("JPEG", "PNG", "WEBP")]
        width, height = image.size
    return np.array([width, height, width / height, item.path.stat().st_size / (width * height), *formats, *means])


if __name__ == "__main__":
    main()
