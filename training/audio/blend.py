"""Boosted trees beside the network: python -m training.audio.blend --run runs/audio-tdnn

The network hears what lies in time; one set of trees the figures of a window (training.audio.textures), another those of its grain
(training.audio.grain). They err on different pages. Fits the trees and prints what every pair of weights is worth on the dev
pages; TREES_WEIGHT and GRAIN_WEIGHT are chosen there.
"""

from __future__ import annotations

import argparse
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from training.audio.data import extra_dir, load_clips, weights
from training.audio.evaluate import clip_scores, report
from training.audio.frozen import Extract, boosting, features
from training.audio.grain import grain
from training.audio.textures import textures
from training.audio.train import build, read_config, window_logits
from training.audio.views import open_view
from training.metrics import eer

TREES_WEIGHT, GRAIN_WEIGHT = 1.5, 1.0
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0)
FIGURES: dict[str, Extract] = {"textures": textures, "grain": grain}


@cache
def fit_trees(kind: str) -> HistGradientBoostingClassifier:
    """Fit boosted trees on one kind of figures of all training views there are, every split on a third of them."""
    clips = {str(c.path): c for c in load_clips()}
    parts, members = [], []
    for view in sorted(folder.name.removeprefix("train-") for folder in (extra_dir() / "views").glob("train-*")):
        paths, values = features(kind, FIGURES[kind], "train", view)
        kept = [i for i, p in enumerate(paths) if p in clips and clips[p].part == "train"]
        parts.append(values[kept])
        members += [clips[paths[i]] for i in kept]
    model = boosting()
    model.fit(np.concatenate(parts), [c.label for c in members], sample_weight=weights(members) * len(members))
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    run = parser.parse_args().run
    net = build(read_config(run / "config.toml"))
    net.load_state_dict(torch.load(run / "mean.pt")["net"])
    clips = {str(c.path): c for c in load_clips()}
    trained = {c.system for c in clips.values() if c.part == "train"}
    paths, _ = open_view("dev", "clean")
    rows = [i for i, p in enumerate(paths) if p in clips and clips[p].part == "dev"]
    heard = window_logits(net, open_view("dev", "clean")[1], rows)
    by_trees, by_grain = (
        fit_trees(kind).decision_function(features(kind, extract, "dev", "clean")[1][rows])
        for kind, extract in FIGURES.items()
    )
    for trees, grains in product(WEIGHTS, WEIGHTS):
        found, scores = clip_scores([paths[i] for i in rows], heard + trees * by_trees + grains * by_grain, clips)
        labels = np.array([c.label for c in found])
        print(
            f"{trees:.1f} {grains:.1f}: {report(found, scores, trained)}, all EER {eer(scores, labels):.3f}", flush=True
        )


if __name__ == "__main__":
    main()
