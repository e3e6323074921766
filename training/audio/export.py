"""Write models/audio from trained members: python -m training.audio.export --run runs/audio-figures

Figures and network go to ONNX as one graph, with the feature distance and the families' probabilities beside the logit; calibration
and thresholds come from the dev pages, the operating points from the test pages, both scored with the exported file.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from forensics.detect.files import file_sha256
from forensics.media.speech import WINDOW_SAMPLES
from training.audio.attribution import FamilyHead, fit_families, no_families
from training.audio.calibrate import Pair, calibrate
from training.audio.channels import published
from training.audio.data import load_clips
from training.audio.figures import Figures
from training.audio.figures_net import FiguresNet, load_figures_net
from training.audio.scoring import score
from training.audio.views import INT16, open_view

VERSION = "0.7.0"
MODEL_DIR = Path("models/audio")
NETWORK_FILE = "speech.onnx"
LEAST_STORED_HALF = 1024  # elements; small tensors stay fp32
KEPT_HALF = ("figures.hearing.", "net.members.")  # what is read off the spectrum stays exact
LARGEST_HALF = 1e4
DRAWN_FROM = "1"  # a view of training windows
WHITENING_WINDOWS, NARROW_WINDOWS = 1536, 128
LARGEST_QUANTILE = 0.999
MEASURED_ON = "demo pages and corpora never trained on; seven in ten fakes are of systems never trained on"


class Exported(nn.Module):
    """samples (n, WINDOW_SAMPLES) -> logit (n,), distance (n,), families (n, labels): probabilities.

    Distance is the root mean square of the whitened embedding.
    """

    def __init__(
        self, figures: Figures, net: FiguresNet, projection: Tensor, offset: Tensor, families: FamilyHead
    ) -> None:
        super().__init__()
        self.figures, self.net = figures, net
        self.register_buffer("projection", projection)
        self.register_buffer("offset", offset)
        self.register_buffer("family_weights", torch.tensor(families.weights, dtype=torch.float32))
        self.register_buffer("family_bias", torch.tensor(families.bias, dtype=torch.float32))

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        figures = self.figures(samples)
        logit, embedding = self.net(figures)
        axes = embedding @ self.projection + self.offset
        families = torch.softmax(self.net.scaled(figures) @ self.family_weights + self.family_bias, dim=1)
        return logit, torch.sqrt((axes**2).mean(dim=1)), families


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/audio-figures"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--without-families", action="store_true", help="do not look for families: it takes minutes")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    MODEL_DIR.mkdir(parents=True, exist_ok=True)
    net, figures, windows = load_figures_net(args.run), Figures(published()).eval(), drawn_windows()
    figures.hearing.narrow(figures.spectrum(windows[:NARROW_WINDOWS]))
    projection, offset, largest = whitening(figures, net, windows)
    families = no_families(len(net.mean)) if args.without_families else fit_families(net)
    path = MODEL_DIR / NETWORK_FILE
    write_onnx(Exported(figures, net, projection, offset, families).eval(), path)
    clips = {str(c.path): c for c in load_clips()}
    scored = [score(path, part, "clean", clips, threads=args.threads) for part in ("dev", "test")]
    calibration = calibrate(*scored[0], *scored[1])
    text = manifest(calibration.slope, calibration.intercept, calibration.normal, calibration.strict, largest)
    (MODEL_DIR / "manifest.toml").write_text(text + families.manifest())
    print(text + families.manifest())


def drawn_windows() -> Tensor:
    """Return training windows drawn by lot: (WHITENING_WINDOWS, WINDOW_SAMPLES)."""
    _, windows = open_view("train", DRAWN_FROM)
    rows = np.random.default_rng(0).choice(len(windows), WHITENING_WINDOWS, replace=False)
    return torch.from_numpy(windows[np.sort(rows)].astype(np.float32) / INT16)


@torch.no_grad()
def whitening(figures: Figures, net: FiguresNet, windows: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return projection and offset onto unit-variance axes of training embeddings, and their largest usual distance."""
    parts = [net(figures(some))[1].numpy() for some in windows.split(32)]
    embeddings = np.concatenate(parts).astype(np.float64)
    mean = embeddings.mean(axis=0)
    _, spread, axes = np.linalg.svd(embeddings - mean, full_matrices=False)
    kept = spread > spread[0] * 1e-3
    projection = axes[kept].T / (spread[kept] / np.sqrt(len(embeddings)))
    distances = np.sqrt((((embeddings - mean) @ projection) ** 2).mean(axis=1))
    tensors = torch.tensor(projection, dtype=torch.float32), torch.tensor(-mean @ projection, dtype=torch.float32)
    return *tensors, float(np.quantile(distances, LARGEST_QUANTILE))


def write_onnx(model: Exported, path: Path) -> None:
    """Export with a free batch size; large weights are stored as fp16 and computed with as fp32."""
    sample = torch.zeros(2, WINDOW_SAMPLES)
    outputs = ["logit", "distance", "families"]
    names = {"input_names": ["samples"], "output_names": outputs}
    axes = {name: {0: "n"} for name in ("samples", *outputs)}
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"
        torch.onnx.export(model, (sample,), str(whole), **names, dynamic_axes=axes, opset_version=17, dynamo=False)
        onnx.save(halved(onnx.load(whole)), path)


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the large float32 initializers as float16 and cast them back when the graph is loaded."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        large = np.abs(values).max(initial=0.0) > LARGEST_HALF
        if tensor.data_type != TensorProto.FLOAT or values.size < LEAST_STORED_HALF or large:
            continue
        if not tensor.name.startswith(KEPT_HALF):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(_half(values), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def _half(values: NDArray[np.float32]) -> NDArray[np.float16]:
    return np.asarray(values, dtype=np.float16)


def manifest(slope: float, intercept: float, normal: Pair, strict: Pair, largest: float) -> str:
    """Return the text of manifest.toml."""
    return f"""\
# Written by training/audio/export.py; do not edit.
name = "audio"
version = "{VERSION}"
licence = "Apache-2.0 (convolutions of OpenAI Whisper base: MIT)"

[network]
file = "{NETWORK_FILE}"
sha256 = "{file_sha256(MODEL_DIR / NETWORK_FILE)}"
slope = {slope:.6f}
intercept = {intercept:.6f}

{_operating("normal", normal)}{_operating("strict", strict)}
[guards]
least_speech_s = 1.5
largest_distance = {largest:.4f}
"""


def _operating(mode: str, pair: Pair) -> str:
    numbers = "".join(f"{key} = {getattr(pair, key):.4f}\n" for key in ("synthetic", "authentic", "fpr", "recall"))
    return f'\n[operating.{mode}]\n{numbers}measured_on = "{MEASURED_ON}"\n'


if __name__ == "__main__":
    main()
