"""Write models/face from a run: python -m training.face.export --run runs/face-second

The averaged weights go to ONNX; calibration and thresholds come from the dev part: serving crops of its sources and a view of
forgeries made of them. The test part is not read here.
"""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from forensics.detect.files import file_sha256
from forensics.detect.manifest import read_mode
from forensics.detect.onnx import OnnxModel
from forensics.domain.scores import OperatingMode
from forensics.media.face_crop import CROP_SIDE_PX
from forensics.media.tensors import to_tensor
from training.face.data import load_faces
from training.face.net import NORM, FaceNet, load_net
from training.face.views import view_files
from training.image.calibrate import Platt, fit_platt, rate_above, threshold_at_fpr, threshold_at_miss
from training.image.data import read_csv

VERSION = "0.2.0"
MODEL_DIR = Path("models/face")
NET_FILE = "face.onnx"
FPR = {"normal": 0.01, "strict": 0.05}
# Of a still there is one look, and it is the second judge: it may add little to the false alarms of the whole picture. Where a
# mode's false alarms of a film begin, doubt of a still begins.
STILL_FPR, STILL_DOUBT_FPR = {"normal": 0.003, "strict": 0.01}, {"normal": 0.01, "strict": 0.05}
MISSED = 0.05  # share of forged faces below the authentic bound
BATCH = 16
MEASURED_ON = (
    "faces of dev sources never trained on: photos, frames of films, forgeries made of them, side-by-side swaps"
)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """Raw logits (n,) with labels and sources; `weights` sum to 1/2 per label, every source by the root of its size."""

    raw: Floats
    labels: NDArray[np.int64]
    weights: Floats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    MODEL_DIR.mkdir(parents=True, exist_ok=True)
    export_net(load_net(str(args.run / "last.pt")), MODEL_DIR / NET_FILE)
    text = manifest(dev_scores(OnnxModel(MODEL_DIR / NET_FILE)))
    (MODEL_DIR / "manifest.toml").write_text(text)
    print(text)


def export_net(net: FaceNet, path: Path) -> None:
    """Write the network; input `pixels` (n, 3, 224, 224) normalised, output `logit` (n,)."""
    torch.onnx.export(
        net.eval(),
        (torch.zeros(1, 3, CROP_SIDE_PX, CROP_SIDE_PX),),
        str(path),
        input_names=["pixels"],
        output_names=["logit"],
        dynamic_axes={"pixels": {0: "n"}, "logit": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )


def raw_logits(network: OnnxModel, crops: NDArray[np.uint8]) -> Floats:
    """Return what the exported graph says of crops uint8 (n, 224, 224, 3)."""
    parts = [
        network.run({"pixels": to_tensor(np.asarray(crops[at : at + BATCH]), norm=NORM)})["logit"]
        for at in range(0, len(crops), BATCH)
    ]
    return np.concatenate(parts).astype(np.float64)


def dev_scores(network: OnnxModel) -> Scored:
    """Score the dev part: its serving crops and every dev view."""
    faces = load_faces("dev")
    raw = [raw_logits(network, faces.crops)]
    labels, sources = [row.label for row in faces.rows], [row.source for row in faces.rows]
    for path in view_files("dev"):
        pairs = np.load(path, mmap_mode="r")
        made = read_csv(path.with_suffix(".csv"))
        for label in (0, 1):
            raw.append(raw_logits(network, pairs[:, label]))
            labels += [label] * len(made)
            sources += [row["kind"] if label else row["clip"].split(":")[0] for row in made]
    return Scored(np.concatenate(raw), np.array(labels), balanced(np.array(labels), np.array(sources)))


def balanced(labels: NDArray[np.int64], sources: NDArray[np.str_]) -> Floats:
    """Return weights that sum to 1/2 per label and grow with the root of a source's size inside it."""
    weights = np.zeros(len(labels))
    for label in (0, 1):
        for source in np.unique(sources[labels == label]):
            inside = (labels == label) & (sources == source)
            weights[inside] = inside.sum() ** -0.5
        weights[labels == label] *= 0.5 / weights[labels == label].sum()
    return weights


def manifest(dev: Scored) -> str:
    """Return the text of manifest.toml."""
    platt = fit_platt(dev.raw, dev.labels, dev.weights)
    scores = 1 / (1 + np.exp(-platt.logits(dev.raw)))
    head = f'# Written by training/face/export.py; do not edit.\nname = "face"\nversion = "{VERSION}"\nlicence = "Apache-2.0"\n'
    stage = [f'name = "face"\nfile = "{NET_FILE}"', f'sha256 = "{file_sha256(MODEL_DIR / NET_FILE)}"']
    stage += [f'view = "face"\nside = {CROP_SIDE_PX}', f"mean = {list(NORM.mean)}", f"std = {list(NORM.std)}"]
    stage += [_platt(platt), "weight = 1.000000"]
    modes = "".join(_mode(f"operating.{name}", scores, dev, fpr=fpr) for name, fpr in FPR.items())
    modes += "".join(
        _mode(f"stills.{name}", scores, dev, fpr=fpr, doubt_fpr=STILL_DOUBT_FPR[name])
        for name, fpr in STILL_FPR.items()
    )
    return head + "\n[[stages]]\n" + "\n".join(stage) + "\n" + modes


def read_modes(directory: Path) -> dict[str, OperatingMode]:
    """Return the operating modes of a written manifest."""
    table = tomllib.loads((directory / "manifest.toml").read_text())
    return {name: read_mode(table["operating"][name]) for name in FPR}


def _platt(platt: Platt) -> str:
    return f"slope = {platt.slope:.6f}\nintercept = {platt.intercept:.6f}"


def _mode(name: str, scores: Floats, dev: Scored, *, fpr: float, doubt_fpr: float | None = None) -> str:
    synthetic = threshold_at_fpr(scores, dev.labels, dev.weights, fpr=fpr)
    authentic = min(threshold_at_miss(scores, dev.labels, dev.weights, missed=MISSED), synthetic)
    if doubt_fpr is not None:
        authentic = threshold_at_fpr(scores, dev.labels, dev.weights, fpr=doubt_fpr)
    false_alarms, recall = (
        rate_above(scores[dev.labels == label], dev.weights[dev.labels == label], synthetic) for label in (0, 1)
    )
    numbers = {"synthetic": synthetic, "authentic": authentic, "fpr": false_alarms, "recall": recall}
    lines = "".join(f"{key} = {value:.4f}\n" for key, value in numbers.items())
    return f'\n[{name}]\n{lines}measured_on = "{MEASURED_ON}"\n'


if __name__ == "__main__":
    main()
