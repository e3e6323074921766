"""Write models/audio from a run: python -m training.audio.export --run runs/audio-early

The network goes to ONNX with the feature distance beside the logit; calibration and thresholds come from the dev pages, the
operating points from the test pages, both scored with the exported file.
"""

from __future__ import annotations

import argparse
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from forensics.detect.files import file_sha256
from forensics.media.speech import WINDOW_SAMPLES
from training.audio.calibrate import Pair, calibrate
from training.audio.data import load_clips
from training.audio.net import Detector
from training.audio.scoring import score
from training.audio.train import build, load_rows

VERSION = "0.1.0"
MODEL_DIR = Path("models/audio")
NETWORK_FILE = "early_speech.onnx"
LEAST_STORED_HALF = 1024  # elements; small tensors stay fp32
MEASURED_ON = "demo pages and corpora never trained on; seven in ten fakes are of systems never trained on"


class Exported(nn.Module):
    """samples (n, WINDOW_SAMPLES) -> logit (n,), distance (n,): root mean square of the whitened embedding."""

    def __init__(self, net: Detector, projection: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("projection", projection)
        self.register_buffer("offset", offset)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        logit, embedding = self.net(samples)
        axes = embedding @ self.projection + self.offset
        return logit, torch.sqrt((axes**2).mean(dim=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    run = args.run
    config = tomllib.loads((run / "config.toml").read_text())
    net = build(config, None)
    net.load_state_dict(torch.load(run / "best.pt"))
    net.eval()
    MODEL_DIR.mkdir(parents=True, exist_ok=True)
    projection, offset, largest = whitening(net, config)
    path = MODEL_DIR / NETWORK_FILE
    write_onnx(Exported(net, projection, offset).eval(), path)
    clips = {str(c.path): c for c in load_clips()}
    scored = [score(path, part, "clean", clips, threads=args.threads) for part in ("dev", "test")]
    calibration = calibrate(*scored[0], *scored[1])
    text = manifest(calibration.slope, calibration.intercept, calibration.normal, calibration.strict, largest)
    (MODEL_DIR / "manifest.toml").write_text(text)
    print(text)


@torch.no_grad()
def whitening(net: Detector, config: dict[str, list[str]]) -> tuple[Tensor, Tensor, float]:
    """Return projection and offset onto unit-variance axes of training embeddings, and their 99.9th percentile distance."""
    rows = load_rows(config["views"], {str(c.path): c for c in load_clips()})
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(rows.labels), 1024, replace=False)
    parts = [net(rows.batch(chosen[i : i + 32])[0])[1].numpy() for i in range(0, len(chosen), 32)]
    embeddings = np.concatenate(parts).astype(np.float64)
    mean = embeddings.mean(axis=0)
    _, spread, axes = np.linalg.svd(embeddings - mean, full_matrices=False)
    kept = spread > spread[0] * 1e-3
    projection = axes[kept].T / (spread[kept] / np.sqrt(len(embeddings)))
    distances = np.sqrt((((embeddings - mean) @ projection) ** 2).mean(axis=1))
    tensors = torch.tensor(projection, dtype=torch.float32), torch.tensor(-mean @ projection, dtype=torch.float32)
    return *tensors, float(np.quantile(distances, 0.999))


def write_onnx(model: Exported, path: Path) -> None:
    """Export with a free batch size: linear layers in int8, quantised as they run, other large weights stored as fp16."""
    sample = torch.zeros(2, WINDOW_SAMPLES)
    names = {"input_names": ["samples"], "output_names": ["logit", "distance"]}
    axes = {name: {0: "n"} for name in ("samples", "logit", "distance")}
    with tempfile.TemporaryDirectory() as folder:
        whole, quantised = Path(folder) / "whole.onnx", Path(folder) / "quantised.onnx"
        torch.onnx.export(model, (sample,), str(whole), **names, dynamic_axes=axes, opset_version=17, dynamo=False)
        kinds = ["MatMul", "Gemm"]
        quantize_dynamic(whole, quantised, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=kinds)
        onnx.save(halved(onnx.load(quantised)), path)


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the large float32 initializers as float16 and cast them back when the graph is loaded."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < LEAST_STORED_HALF:
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
licence = "Apache-2.0 (encoder weights: OpenAI Whisper base, MIT)"

[network]
file = "{NETWORK_FILE}"
sha256 = "{file_sha256(MODEL_DIR / NETWORK_FILE)}"
slope = {slope:.6f}
intercept = {intercept:.6f}

[spans]
enter = {normal.synthetic:.4f}
leave = {(normal.synthetic + normal.authentic) / 2:.4f}
partial = {(1 + normal.synthetic) / 2:.4f}
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
