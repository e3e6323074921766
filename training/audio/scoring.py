"""Score a part with the ONNX file that is served; results are kept by the file's checksum, so measuring twice costs once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.files import file_sha256
from forensics.detect.onnx import OnnxModel
from training.audio.data import Clip, extra_dir
from training.audio.evaluate import clip_scores
from training.audio.views import INT16, open_view

BATCH = 8
Floats = NDArray[np.float64]


def has_view(part: str, view: str) -> bool:
    """Tell whether the windows of a view were made."""
    return (extra_dir() / "views" / f"{part}-{view}" / "rows.csv").is_file()


def score(network: Path, part: str, view: str, clips: dict[str, Clip], *, threads: int) -> tuple[list[Clip], Floats]:
    """Return the clips of a part and their mean raw logits under one view."""
    paths, windows = open_view(part, view)
    kept = extra_dir() / "scores" / f"{file_sha256(network)[:16]}-{part}-{view}.npy"
    if not (kept.is_file() and len(np.load(kept)) == len(paths)):
        kept.parent.mkdir(exist_ok=True)
        model = OnnxModel(network, threads=threads)
        steps = [windows[i : i + BATCH].astype(np.float32) / INT16 for i in range(0, len(paths), BATCH)]
        np.save(kept, np.concatenate([model.run({"samples": s}, outputs=["logit"])["logit"] for s in steps]))
    rows = [i for i, p in enumerate(paths) if p in clips]
    return clip_scores([paths[i] for i in rows], np.load(kept)[rows], clips)
