"""Write models/image from runs: python -m training.image.export --semantic runs/first [--artefacts runs/artefacts]

Both networks go to ONNX; calibration, fusion and thresholds come from the runs' out-of-fold logits; the manifest pins the
checksums. The shipped weights are refitted on all pictures; no number is ever taken from those.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from forensics.detect.files import file_sha256
from forensics.media.tensors import Normalisation
from training.image import patches
from training.image.artefact_net import ArtefactNet
from training.image.calibrate import Platt, rate_above, threshold_at_fpr, threshold_at_miss
from training.image.data import Item, balanced_weights, load_items
from training.image.features import CLIP_NORM, ENCODER, SIDE_PX, load_features
from training.image.fuse import fit_fusion, read_oof, sigmoid
from training.image.head_onnx import export_head
from training.image.train import read_heads

VERSION = "0.6.0"
MODEL_DIR = Path("models/image")
HEAD_FILE, NET_FILE = "whole_view.onnx", "artefacts.onnx"
MEASURED_ON = "out-of-fold pictures of sources and generator families never trained on, re-encoded alike"
DISTANCE_QUANTILE = 0.999  # of the training pictures; what lies further out is unlike anything that was measured
DISAGREEMENT_QUANTILE = 0.995
SMALLEST_SIDE_PX, FLATTEST_STD = 64, 6.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """A threshold pair and what it gave out of fold."""

    synthetic: float
    authentic: float
    fpr: float
    recall: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", type=Path, required=True)
    parser.add_argument("--artefacts", type=Path)
    args = parser.parse_args()
    items = load_items()
    runs = [run for run in (args.semantic, args.artefacts) if run]
    oof = read_oof(runs, items)
    fusion = fit_fusion(oof.raw, items)
    limits = tomllib.loads((args.semantic / "config.toml").read_text())["operating"]
    modes = operate(sigmoid(fusion.logits(oof.raw[:, oof.clean])), items, limits)
    MODEL_DIR.mkdir(parents=True, exist_ok=True)
    saved = np.load(args.semantic / "model.npz")
    export_semantic(saved)
    stages = [
        _stage(
            "whole-view",
            HEAD_FILE,
            CLIP_NORM,
            fusion.platts[0],
            fusion.weights[0],
            encoder=ENCODER,
            view="square",
            side=SIDE_PX,
        )
    ]
    if args.artefacts:
        export_artefacts(args.artefacts / "all.pt")
        crops = {"view": "crops", "side": patches.SERVED_SIDE_PX, "most": patches.SERVED_MOST}
        stages.append(_stage("artefacts", NET_FILE, patches.NORM, fusion.platts[1], fusion.weights[1], **crops))
    scores = np.stack([sigmoid(p.logits(oof.raw[:, oof.clean[0], n])) for n, p in enumerate(fusion.platts)], axis=1)
    guards = {
        "smallest_side_px": SMALLEST_SIDE_PX,
        "largest_distance": round(float(np.quantile(training_distances(items, saved), DISTANCE_QUANTILE)), 4),
        "flattest_std": FLATTEST_STD,
        "largest_disagreement": round(float(np.quantile(np.ptp(scores, axis=1), DISAGREEMENT_QUANTILE)), 4)
        if len(runs) > 1
        else 1.0,
    }
    text = manifest(stages, fusion.bias, modes, guards, saved)
    (MODEL_DIR / "manifest.toml").write_text(text)
    print(text)


def export_semantic(saved: np.lib.npyio.NpzFile) -> None:
    """Write the whole-view head with its distance and family outputs."""
    (head,) = read_heads(saved, "final")
    families = (saved["family_weights"], saved["family_bias"])
    export_head(head, distance=(saved["projection"], saved["offset"]), families=families, path=MODEL_DIR / HEAD_FILE)


def export_artefacts(checkpoint: Path, *, path: Path = MODEL_DIR / NET_FILE) -> None:
    """Write the artefact network; the numbers of both runtimes are compared by tests/unit/training."""
    net = ArtefactNet()
    net.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["net"])
    side = patches.SERVED_SIDE_PX
    names = ["pixels", "logit", "patches"]
    torch.onnx.export(
        net.eval(),
        (torch.zeros(1, 3, side, side),),
        str(path),
        input_names=names[:1],
        output_names=names[1:],
        dynamic_axes={name: {0: "n"} for name in names},
        opset_version=17,
        dynamo=False,
    )


def operate(scores: Floats, items: Sequence[Item], limits: dict[str, float]) -> dict[str, Pair]:
    """Choose both threshold pairs on fused out-of-fold scores (items, protocols) of the neutral view, protocols pooled."""
    protocols = scores.shape[1]
    labels = np.repeat([item.label for item in items], protocols)
    weights = np.repeat(balanced_weights(items), protocols)
    flat, missed = scores.ravel(), limits["missed"]
    return {
        mode: _pair(flat, labels, weights, fpr=limits[f"{mode}_fpr"], missed=missed) for mode in ("normal", "strict")
    }


def training_distances(items: Sequence[Item], saved: np.lib.npyio.NpzFile) -> Floats:
    """Return the feature distance of every neutral training picture, as the exported graph computes it: (items,)."""
    projection = saved["projection"]
    axes = load_features(items, views=1)[:, 0, : projection.shape[0]] @ projection + saved["offset"]
    return np.asarray(np.sqrt((axes**2).mean(axis=1)))


def manifest(
    stages: Sequence[str], bias: float, modes: dict[str, Pair], guards: dict[str, float], saved: np.lib.npyio.NpzFile
) -> str:
    """Return the text of manifest.toml."""
    head = f'# Written by training/image/export.py; do not edit.\nname = "image"\nversion = "{VERSION}"\nlicence = "Apache-2.0"\n'
    fusion = f"\n[fusion]\nbias = {bias:.6f}\n"
    operating = "".join(_operating(mode, pair) for mode, pair in modes.items())
    guarding = "\n[guards]\n" + "".join(f"{key} = {value}\n" for key, value in guards.items())
    return head + "".join(stages) + fusion + operating + guarding + _attribution(saved)


def _stage(name: str, file: str, norm: Normalisation, platt: Platt, weight: float, **facts: str | int) -> str:
    lines = [f'name = "{name}"', f'file = "{file}"', f'sha256 = "{file_sha256(MODEL_DIR / file)}"']
    lines += [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in facts.items()]
    lines += [f"mean = {list(norm.mean)}", f"std = {list(norm.std)}"]
    lines += [f"slope = {platt.slope:.6f}", f"intercept = {platt.intercept:.6f}", f"weight = {weight:.6f}"]
    return "\n[[stages]]\n" + "\n".join(lines) + "\n"


def _operating(mode: str, pair: Pair) -> str:
    numbers = "".join(f"{key} = {getattr(pair, key):.4f}\n" for key in ("synthetic", "authentic", "fpr", "recall"))
    return f'\n[operating.{mode}]\n{numbers}measured_on = "{MEASURED_ON}"\n'


def _attribution(saved: np.lib.npyio.NpzFile) -> str:
    threshold, precision, coverage = (float(v) for v in saved["family_facts"])
    if threshold > 1:
        return ""
    facts = f"# Out of fold by repository: precision {precision:.3f}, coverage {coverage:.3f}.\n"
    return f"\n{facts}[attribution]\nlabels = {[str(v) for v in saved['family_labels']]}\nthreshold = {threshold:.4f}\n"


def _pair(scores: Floats, labels: NDArray[np.int64], weights: Floats, *, fpr: float, missed: float) -> Pair:
    synthetic = threshold_at_fpr(scores, labels, weights, fpr=fpr)
    authentic = min(threshold_at_miss(scores, labels, weights, missed=missed), synthetic)
    reals, fakes = labels == 0, labels == 1
    false_alarms = rate_above(scores[reals], weights[reals], synthetic)
    return Pair(synthetic, authentic, false_alarms, rate_above(scores[fakes], weights[fakes], synthetic))


if __name__ == "__main__":
    main()
