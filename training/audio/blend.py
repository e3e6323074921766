"""Voices beside the network: python -m training.audio.blend --run runs/audio-tdnn-next

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
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from training.audio.data import Clip, load_clips, weights
from training.audio.evaluate import clip_scores, matched, report, unseen
from training.audio.figures_net import FIGURES, all_figures, fit_figures_net, training_views
from training.audio.frozen import boosting, features
from training.audio.train import build, read_config, window_logits
from training.audio.views import open_view
from training.metrics import auc, eer

TREES_WEIGHT, GRAIN_WEIGHT, FIGURES_WEIGHT = 1.0, 1.0, 1.0
WEIGHTS = (0.0, 0.5, 1.0, 1.5)
SHOWN = 12
Shares = tuple[float, ...]
Floats = NDArray[np.float64]


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


def voices(run: Path, part: str, clips: dict[str, Clip]) -> tuple[list[Clip], Floats]:
    """Return the clips of a part and what each voice says of them: network, trees, trees on the grain, figures (4, clips)."""
    net = build(read_config(run / "config.toml"))
    net.load_state_dict(torch.load(run / "mean.pt")["net"])
    paths, windows = open_view(part, "clean")
    rows = [i for i, p in enumerate(paths) if p in clips and clips[p].part == part]
    said = [window_logits(net, windows, rows)]
    for kind, extract in FIGURES.items():
        said.append(fit_trees(kind).decision_function(features(kind, extract, part, "clean")[1][rows]))
    with torch.no_grad():
        said.append(fit_figures_net()(torch.from_numpy(all_figures(part, "clean")[1][rows])).double().numpy())
    means = [clip_scores([paths[i] for i in rows], voice, clips) for voice in said]
    return means[0][0], np.stack([scores for _, scores in means])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--part", choices=("dev", "test"), default="dev", help="test: only the voices and their sum")
    args = parser.parse_args()
    clips = {str(c.path): c for c in load_clips()}
    trained = {c.system for c in clips.values() if c.part == "train"}
    found, said = voices(args.run, args.part, clips)
    labels = np.array([c.label for c in found])
    base = matched(found) & unseen(found, trained)

    def worth(shares: Shares) -> float:
        scores = np.array(shares) @ said
        return auc(scores[base], labels[base]) + auc(scores, labels)

    shown = [*(tuple(row) for row in np.eye(len(said))), (1.0, TREES_WEIGHT, GRAIN_WEIGHT, FIGURES_WEIGHT)]
    if args.part == "dev":
        shown += sorted(((1.0, *rest) for rest in product(WEIGHTS, repeat=3)), key=worth, reverse=True)[:SHOWN]
    for shares in shown:
        scores = np.array(shares) @ said
        print(f"{shares}: {report(found, scores, trained)}, all EER {eer(scores, labels):.3f}", flush=True)


if __name__ == "__main__":
    main()
