"""Voices beside the network: python -m training.audio.blend --run runs/audio-tdnn

The network hears what lies in time; trees judge the figures of a window (training.audio.textures), more trees those of its grain
(training.audio.grain), and a small network all of them together (training.audio.figures_net). They err on different pages. Fits
them and prints what the best sums are worth on the dev pages, by the AUC of unseen systems there and that of all clips together;
the weights below are chosen there.
"""

from __future__ import annotations

import argparse
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from training.audio.data import load_clips, weights
from training.audio.evaluate import clip_scores, matched, report, unseen
from training.audio.figures_net import FIGURES, all_figures, fit_figures_net, training_views
from training.audio.frozen import boosting, features
from training.audio.train import build, read_config, window_logits
from training.audio.views import open_view
from training.metrics import auc, eer

TREES_WEIGHT, GRAIN_WEIGHT, FIGURES_WEIGHT = 1.0, 1.0, 1.0
WEIGHTS = (0.0, 0.5, 1.0, 1.5)
SHOWN = 12


@cache
def fit_trees(kind: str) -> HistGradientBoostingClassifier:
    """Fit boosted trees on one kind of figures of all training views there are, every split on a third of them."""
    clips = {str(c.path): c for c in load_clips()}
    parts, members = [], []
    for view in training_views():
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
    voices = [heard]
    for kind, extract in FIGURES.items():
        voices.append(fit_trees(kind).decision_function(features(kind, extract, "dev", "clean")[1][rows]))
    with torch.no_grad():
        voices.append(fit_figures_net()(torch.from_numpy(all_figures("dev", "clean")[1][rows])).double().numpy())
    means = [clip_scores([paths[i] for i in rows], voice, clips) for voice in voices]
    found, columns = means[0][0], np.stack([scores for _, scores in means])
    labels = np.array([c.label for c in found])
    base = matched(found) & unseen(found, trained)

    def worth(shares: tuple[float, ...]) -> float:
        scores = np.array(shares) @ columns
        return auc(scores[base], labels[base]) + auc(scores, labels)

    ranked = sorted(((1.0, *rest) for rest in product(WEIGHTS, repeat=3)), key=worth, reverse=True)
    alone = [tuple(row) for row in np.eye(len(voices))]
    for shares in (*alone, (1.0, TREES_WEIGHT, GRAIN_WEIGHT, FIGURES_WEIGHT), *ranked[:SHOWN]):
        scores = np.array(shares) @ columns
        print(f"{shares}: {report(found, scores, trained)}, all EER {eer(scores, labels):.3f}", flush=True)


if __name__ == "__main__":
    main()
