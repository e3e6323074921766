"""silero-vad, quicker: its short convolutions as dense layers over all chunks at once.

The published graph convolves each chunk of 32 ms by itself, four columns at a time, and spends five sixths of its time on that.
Four columns are few enough to write each convolution as one matrix, and its spectrum is a plain windowed one. The
probabilities are the same to 1e-4 (tests/unit/detect/test_speech_network.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from forensics.detect.onnx import Array, ModelUnavailable, OnnxModel
from forensics.detect.onnx_graph import Layer, graph_after_layers, initializers

_SPECTRUM = "spectrum"  # (chunks, 1, frames * bins)
_FEATURES = "/Transpose_output_0"  # (chunks, 1, 128): where the convolutions end and the LSTM begins
_WINDOW, _HOP, _FRAMES = 256, 128, 4  # samples, samples, frames of one chunk
_EDGE_SAMPLES = 128  # of the chunk's end, mirrored
_STRIDES = (1, 2, 2, 1)
_KERNEL = 3


class SpeechNetwork:
    """The network behind SpeechDetector; takes and gives what the published graph does."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Load silero-vad's 16 kHz sequence graph; raises ModelUnavailable when it is missing or another one."""
        if not path.is_file():
            raise ModelUnavailable(f"The model file {path.name} is missing; run `make setup`.")
        model = path.read_bytes()
        try:
            weights = initializers(model)
            # The basis is a windowed Fourier transform: its constant row is the window itself.
            self._window = np.ascontiguousarray(weights["stft.forward_basis_buffer"][0, 0])
            graph = graph_after_layers(model, tensor=_FEATURES, source=_SPECTRUM, layers=_layers(weights))
        except (KeyError, IndexError, StopIteration, ValueError) as exc:
            raise ModelUnavailable(f"The model file {path.name} is not silero-vad's; run `make setup`.") from exc
        self._network = OnnxModel(path, threads=threads, graph=graph)

    def run(self, feeds: Mapping[str, Array], *, outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """Take `input` (chunks, 576), `h` and `c`; return `speech_probs` (chunks,), `hn` and `cn`."""
        return self._network.run(
            {_SPECTRUM: self._spectrum(feeds["input"]), "h": feeds["h"], "c": feeds["c"]}, outputs=outputs
        )

    def _spectrum(self, chunks: Array) -> Array:
        samples = np.concatenate([chunks, chunks[:, -2 : -_EDGE_SAMPLES - 2 : -1]], axis=1)
        frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW, axis=1)[:, : _FRAMES * _HOP : _HOP]
        spectrum = np.fft.rfft(frames * self._window, axis=2)  # complex64 (chunks, frames, bins)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        return np.asarray(np.sqrt(power), dtype=np.float32).reshape(len(chunks), 1, -1)


def _layers(weights: Mapping[str, Array]) -> list[Layer]:
    """Return each convolution over time as the matrix it is for so few frames."""
    layers, frames = [], _FRAMES
    for number, stride in enumerate(_STRIDES):
        kernel, bias = weights[f"encoder.{number}.weight"], weights[f"encoder.{number}.bias"]  # (out, in, 3), (out,)
        count = (frames - 1) // stride + 1
        matrix = np.zeros((frames, kernel.shape[1], count, kernel.shape[0]), dtype=np.float32)
        for after in range(count):
            for tap in range(_KERNEL):
                before = after * stride + tap - 1
                if 0 <= before < frames:
                    matrix[before, :, after] = kernel[:, :, tap].T
        layers.append((matrix.reshape(frames * kernel.shape[1], -1), np.tile(bias, count)))
        frames = count
    return layers
