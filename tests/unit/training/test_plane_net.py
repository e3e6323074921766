"""The network on the plane of bins and frames: its shapes, and that it can learn."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")

import torch

from forensics.media.audio import SAMPLE_RATE_HZ
from training.audio.plane_net import PlaneDetector


def test_samples_become_one_finite_logit_each_and_every_weight_learns() -> None:
    torch.manual_seed(0)
    net = PlaneDetector(dropout=0.0)
    logits = net.listen(torch.randn(3, 3 * SAMPLE_RATE_HZ) * 0.1)[0]
    assert logits.shape == (3,) and bool(torch.isfinite(logits).all())
    logits.square().sum().backward()
    assert any(bool((p.grad != 0).any()) for p in net.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in net.parameters() if p.requires_grad)
