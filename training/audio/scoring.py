"""Score a part with an ONNX file: python -m training.audio.scoring [--network models/audio/speech.onnx] --part dev

Prints what the file is worth there in one line. Results are kept by the file's checksum, so measuring twice costs once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.files import file_sha256
from forensics.detect.onnx import OnnxModel
from training.audio.data import Clip, extra_dir, load_clips
from training.audio.evaluate import clip_scores, report
from training.audio.views import INT16, open_view
from training.metrics import eer

BATCH = 8
Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Path, default=Path("models/audio/speech.onnx"))
    parser.add_argument("--part", choices=("dev", "test"), required=True)
    parser.add_argument("--view", default="clean")
    args = parser.parse_args()
    clips = {str(c.path): c for c in load_clips()}
    trained = {c.system for c in clips.values() if c.part == "train"}
    found, scores = score(args.network, args.part, args.view, clips, threads=1)
    line = report(found, scores, trained)
    print(f"{args.part} {args.view}: {line}, EER {eer(scores, np.array([c.label for c in found])):.3f}")


def has_view(part: str, view: str) -> bool:
    """Tell whether the windows of a view were made."""
    return (extra_dir() / "views" / f"{part}-{view}" / "rows.csv").is_file()


def score(network: Path, part: str, view: str, clips: dict[str, Clip], *, threads: int) -> tuple[list[Clip], Floats]:
    """Return the clips of a part and their mean raw logits under one view."""
    paths, logits = window_outputs(network, part, view, "logit", threads=threads)
    rows = [i for i, p in enumerate(paths) if p in clips]
    return clip_scores([paths[i] for i in rows], logits[rows], clips)


def window_outputs(network: Path, part: str, view: str, output: str, *, threads: int) -> tuple[list[str], Floats]:
    """Return the clip path of every window and one output of the graph there: (windows, ...)."""
    paths, windows = open_view(part, view)
    kept = (
        extra_dir()
        / "scores"
        / f"{file_sha256(network)[:16]}-{part}-{view}{'' if output == 'logit' else '-' + output}.npy"
    )
    if not (kept.is_file() and len(np.load(kept)) == len(paths)):
        kept.parent.mkdir(exist_ok=True)
        model = OnnxModel(network, threads=threads)
        steps = [windows[i : i + BATCH].astype(np.float32) / INT16 for i in range(0, len(paths), BATCH)]
        np.save(kept, np.concatenate([model.run({"samples": s}, outputs=[output])[output] for s in steps]))
    return paths, np.load(kept)


if __name__ == "__main__":
    main()
