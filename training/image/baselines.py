"""What simple things reach on the same folds: python -m training.image.baselines

A forest on container facts (size, format, quantisation tables) of the files as found, and a plain probe on the encoder's
embedding. Writes models/image/baselines.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.image.data import Item, assign_folds, balanced_weights, load_items, split
from training.image.features import load_features
from training.metrics import auc, bootstrap

FOLDS = 5
EMBEDDING_WIDTH = 512


def main() -> None:
    items = load_items()
    labels, sources = np.array([i.label for i in items]), np.array([i.source for i in items])
    fold_of = assign_folds(items, folds=FOLDS)
    forest = np.zeros(len(items))
    facts = np.array([container_facts(item) for item in items])
    for fold in range(FOLDS):
        train, held = split(items, fold_of, fold=fold)
        model = RandomForestClassifier(200, min_samples_leaf=5, random_state=0, n_jobs=1)
        model.fit(facts[train], labels[train], sample_weight=balanced_weights([items[n] for n in train]))
        forest[held] = model.predict_proba(facts[held])[:, 1]
    plain = np.zeros(len(items))
    embeddings = load_features(items, views=1)[:, 0, :EMBEDDING_WIDTH]
    for fold in range(FOLDS):
        train, held = split(items, fold_of, fold=fold)
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=400))
        weights = balanced_weights([items[n] for n in train]) * len(train)
        probe.fit(embeddings[train], labels[train], logisticregression__sample_weight=weights)
        plain[held] = probe.decision_function(embeddings[held])
    measured = {
        "random forest on container facts of the files as found": str(bootstrap(auc, forest, labels, sources)),
        "plain probe on the encoder's embedding, no augmentation": str(bootstrap(auc, plain, labels, sources)),
    }
    Path("models/image/baselines.json").write_text(json.dumps(measured, indent=1) + "\n")
    print(measured)


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
