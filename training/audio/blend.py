"""Trees on figures of the spectrum beside the network: python -m training.audio.blend --run runs/audio-tdnn

The network hears what lies in time, the trees what the figures of a window say (training.audio.textures); they err on different
pages. Fits the trees and prints what every weight of theirs is worth on the dev pages; TREES_WEIGHT is the one with the best AUC
over all dev clips.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from training.audio.data import extra_dir, load_clips, weights
from training.audio.evaluate import clip_scores, report
from training.audio.frozen import boosting, features
from training.audio.textures import textures
from training.audio.train import build, read_config, window_logits
from training.audio.views import open_view

TREES_WEIGHT = 1.5
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


@cache
def fit_trees() -> HistGradientBoostingClassifier:
    """Fit boosted trees on the figures of all training views there are, every split on a third of them."""
    clips = {str(c.path): c for c in load_clips()}
    parts, members = [], []
    for view in sorted(folder.name.removeprefix("train-") for folder in (extra_dir() / "views").glob("train-*")):
        paths, values = features("textures", textures, "train", view)
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
    paths, values = features("textures", textures, "dev", "clean")
    rows = [i for i, p in enumerate(paths) if p in clips and clips[p].part == "dev"]
    heard = window_logits(net, open_view("dev", "clean")[1], rows)
    by_trees = fit_trees().decision_function(values[rows])
    for weight in WEIGHTS:
        found, scores = clip_scores([paths[i] for i in rows], heard + weight * by_trees, clips)
        print(f"{weight:.2f}: {report(found, scores, trained)}", flush=True)


if __name__ == "__main__":
    main()
