"""The generators of two vocoders as torch modules, filled with the weights of TFLite files whose own graphs are slow or cannot run.

HiFi-GAN V3 (Kong et al. 2020): three transposed convolutions (8, 8, 4), after each the mean of three residual blocks of kernel
3, 5 and 7. Parallel WaveGAN v1 (Yamamoto et al. 2020): thirty gated convolutions over noise, dilations 1 to 512 three times over,
under a mel spectrogram stretched by 4 four times.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1
HIFIGAN_STRIDES, HIFIGAN_KERNELS, HIFIGAN_DILATIONS = (8, 8, 4), (3, 5, 7), ((1, 2), (2, 6), (3, 12))
PWG_LAYERS, PWG_CYCLE, PWG_STRETCH, PWG_WIDTH, PWG_BANDS = 30, 10, (4, 4, 4, 4), 64, 80


class HifiGanV3(nn.Module):
    """Log-mel (1, 80, frames) to samples (1, 1, 256 * frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.pre = nn.Conv1d(80, 256, 7, padding=3)
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        for stage, stride in enumerate(HIFIGAN_STRIDES):
            width = 256 >> (stage + 1)
            self.ups.append(nn.ConvTranspose1d(2 * width, width, 2 * stride, stride, padding=stride // 2))
            for kernel, dilations in zip(HIFIGAN_KERNELS, HIFIGAN_DILATIONS, strict=True):
                pair = (nn.Conv1d(width, width, kernel, dilation=d, padding=(kernel - 1) * d // 2) for d in dilations)
                self.blocks.append(nn.ModuleList(pair))
        self.post = nn.Conv1d(32, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.pre(mel)
        for stage, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, SLOPE))
            parts = []
            for block in self.blocks[3 * stage : 3 * stage + 3]:
                part = x
                for conv in block:  # type: ignore[attr-defined]  # a ModuleList inside a ModuleList
                    part = part + conv(functional.leaky_relu(part, SLOPE))
                parts.append(part)
            x = sum(parts) / 3  # type: ignore[assignment]
        return torch.tanh(self.post(functional.leaky_relu(x, 0.01)))


class ParallelWaveGan(nn.Module):
    """Normalised log-mel (1, 80, frames) and noise (1, 1, 256 * frames) to samples (1, 1, 256 * frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = nn.Conv1d(PWG_BANDS, PWG_BANDS, 5, bias=False)
        self.stretch = nn.ModuleList(nn.Conv1d(1, 1, 2 * s + 1, padding=s, bias=False) for s in PWG_STRETCH)
        self.first = nn.Conv1d(1, PWG_WIDTH, 1)
        self.gates, self.auxes, self.outs, self.skips = (nn.ModuleList() for _ in range(4))
        for layer in range(PWG_LAYERS):
            dilation = 2 ** (layer % PWG_CYCLE)
            self.gates.append(nn.Conv1d(PWG_WIDTH, 2 * PWG_WIDTH, 3, padding=dilation, dilation=dilation))
            self.auxes.append(nn.Conv1d(PWG_BANDS, 2 * PWG_WIDTH, 1, bias=False))
            self.outs.append(nn.Conv1d(PWG_WIDTH, PWG_WIDTH, 1))
            self.skips.append(nn.Conv1d(PWG_WIDTH, PWG_WIDTH, 1))
        self.last = nn.ModuleList([nn.Conv1d(PWG_WIDTH, PWG_WIDTH, 1), nn.Conv1d(PWG_WIDTH, 1, 1)])

    def forward(self, mel: Tensor, noise: Tensor) -> Tensor:
        c = self.conv_in(functional.pad(mel, (2, 2), mode="replicate"))
        for factor, smooth in zip(PWG_STRETCH, self.stretch, strict=True):
            c = smooth(c.repeat_interleave(factor, dim=2).transpose(0, 1)).transpose(0, 1)
        x, total = self.first(noise), torch.zeros(())
        for gate, aux, out, skip in zip(self.gates, self.auxes, self.outs, self.skips, strict=True):
            left, right = (gate(x) + aux(c)).chunk(2, dim=1)
            gated = torch.tanh(left) * torch.sigmoid(right)
            total = total + skip(gated)
            x = (out(gated) + x) * 0.5**0.5
        total = total * (1.0 / PWG_LAYERS) ** 0.5
        for conv in self.last:
            total = conv(torch.relu(total))
        return total


class _Graph:
    """A TFLite file's operations in their order, and the constants that they read through a DEQUANTIZE."""

    def __init__(self, path: Path) -> None:
        self._file = Interpreter(model_path=str(path))
        self.ops = self._file._get_ops_details()
        self._source = {int(o["outputs"][0]): int(o["inputs"][0]) for o in self.ops if o["op_name"] == "DEQUANTIZE"}

    def constant(self, index: int) -> Tensor:
        return torch.from_numpy(self._file.get_tensor(self._source[index]).astype(np.float32))

    def bias(self, output: int) -> Tensor:
        """Follow the reshapes behind a convolution to the addition of its bias."""
        while True:
            op = next(o for o in self.ops if output in o["inputs"] and o["op_name"] != "SHAPE")
            if op["op_name"] == "ADD":
                return self.constant(next(int(i) for i in op["inputs"] if int(i) in self._source))
            output = int(op["outputs"][0])


def hifigan_v3(path: Path) -> HifiGanV3:
    """Load the generator from a TFLite file with float16 weights; its convolutions are told apart by shape and order."""
    graph, net = _Graph(path), HifiGanV3()
    waiting: dict[tuple[int, ...], list[nn.Module]] = {}
    for module in net.modules():
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
            shape = (module.out_channels, module.kernel_size[0], module.in_channels)
            waiting.setdefault(shape, []).append(module)
    for op in graph.ops:
        if op["op_name"] in ("CONV_2D", "TRANSPOSE_CONV"):
            weight = graph.constant(int(op["inputs"][1]))[:, 0]  # (out, kernel, in)
            order = (2, 0, 1) if op["op_name"] == "TRANSPOSE_CONV" else (0, 2, 1)
            module = waiting[tuple(weight.shape)].pop(0)
            _fill(module, weight.permute(*order), graph.bias(int(op["outputs"][0])))
    if any(waiting.values()):
        raise ValueError(f"{path} lacks convolutions of HiFi-GAN V3")
    return net.eval()


def parallel_wavegan(path: Path) -> ParallelWaveGan:
    """Load the generator from a TFLite file with float16 weights, found by name."""
    graph = Interpreter(model_path=str(path))
    stored = {
        d["name"].replace("/ReadVariableOp/resource", "").replace("/ExpandDims_1", ""): d["index"]
        for d in graph.get_tensor_details()
        if d["dtype"] is np.float16
    }
    # The skip connections are summed, so training gave all of them one bias, which the file holds once.
    shared = next(index for name, index in stored.items() if name.endswith("conv1x1_skip/BiasAdd"))

    def put(module: nn.Module, name: str, kind: str = "TFConv1d1x1") -> None:
        weight = torch.from_numpy(graph.get_tensor(stored[f"{name}/{kind}"]).astype(np.float32)).permute(2, 1, 0)
        found = stored.get(f"{name}/BiasAdd", shared if name.endswith("conv1x1_skip") else None)
        _fill(module, weight, None if found is None else torch.from_numpy(graph.get_tensor(found).astype(np.float32)))

    net = ParallelWaveGan()
    put(net.first, "first_convolution")
    put(net.last[0], "tf_conv1d1x1")
    put(net.last[1], "tf_conv1d1x1_1")
    put(net.conv_in, "tf_conv_in_upsample_net_work/conv_in", "TFConv1d")
    for stage, smooth in enumerate(net.stretch):
        suffix = f"_{stage}" if stage else ""
        name = f"tf_conv_in_upsample_net_work/upsample_network/conv2d{suffix}/Conv2D"
        _fill(smooth, torch.from_numpy(graph.get_tensor(stored[name]).astype(np.float32)).reshape(1, 1, -1), None)
    for layer in range(PWG_LAYERS):
        block, suffix = f"residual_block_._{layer}", f"_{layer}" if layer else ""
        put(net.gates[layer], f"{block}/tf_conv1d{suffix}", "TFConv1d")
        put(net.auxes[layer], f"{block}/conv1x1_aux")
        put(net.outs[layer], f"{block}/conv1x1_out")
        put(net.skips[layer], f"{block}/conv1x1_skip")
    return net.eval()


def _fill(module: nn.Module, weight: Tensor, bias: Tensor | None) -> None:
    state = {"weight": weight.contiguous()} | ({} if bias is None else {"bias": bias})
    module.load_state_dict(state)
