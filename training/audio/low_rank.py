"""Whisper's second convolution in fewer products: its outputs on speech lie close to a plane of few dimensions.

Principal axes of what it says about training windows; a narrow convolution gives the coordinates, a mixture of those the channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.audio.net import STEM_WIDTH, Detector

RANK = 160  # 0.15 % of the outputs' variance is lost


@torch.no_grad()
def narrow_stem(net: Detector, windows: Tensor, *, rank: int = RANK) -> None:
    """Replace conv2 by two layers that do nearly the same, fitted on windows (batch, samples)."""
    wide = net.conv2
    mel, _, _ = net.views(net.spectrum(windows))
    outputs = wide(functional.gelu(net.conv1(mel))).transpose(1, 2).reshape(-1, STEM_WIDTH)
    mean = outputs.mean(dim=0)
    _, directions = torch.linalg.eigh(((outputs - mean).T @ (outputs - mean)).double())
    axes = directions[:, -rank:].float()  # (STEM_WIDTH, rank), the largest last
    first, second = nn.Conv1d(STEM_WIDTH, rank, 3, stride=2, padding=1), nn.Conv1d(rank, STEM_WIDTH, 1)
    first.weight.copy_((axes.T @ wide.weight.flatten(1)).unflatten(1, wide.weight.shape[1:]))
    first.bias.copy_(axes.T @ (wide.bias - mean))
    second.weight.copy_(axes[:, :, None])
    second.bias.copy_(mean)
    net.conv2 = nn.Sequential(first, second)
