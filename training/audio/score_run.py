"""What a run is worth before it is exported: python -m training.audio.score_run --run RUN [--part test] [--view clean]"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.audio.data import load_clips
from training.audio.evaluate import clip_scores, report
from training.audio.train import build, read_config, window_logits
from training.audio.views import open_view


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--view", default="clean")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    net = build(read_config(args.run / "config.toml"))
    net.load_state_dict(torch.load(args.run / "mean.pt")["net"])
    clips = {str(c.path): c for c in load_clips()}
    paths, windows = open_view(args.part, args.view)
    rows = [i for i, p in enumerate(paths) if p in clips]
    logits = window_logits(net, windows, rows)
    scored, scores = clip_scores([paths[i] for i in rows], logits, clips)
    trained = {c.system for c in clips.values() if c.part == "train"}
    print(f"{args.run.name} {args.part} {args.view}: {report(scored, scores, trained)}")


if __name__ == "__main__":
    main()
