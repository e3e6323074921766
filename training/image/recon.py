"""Content-matched fakes: real pictures through a latent-diffusion autoencoder and back.

    python -m training.image.recon --count 160      # needs DATA_ROOT, DATA_EXTRA; resumes where it stopped

The picture stays the same to the eye (28-33 dB), only the decoder's traces are added, so a model cannot learn content
from the pair. The autoencoder is TAEF2 (madebyollin/taesd, MIT), read from DATA_ROOT/weights.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from forensics.media.tensors import working_copy
from training.image.collect import COLUMNS
from training.image.data import Item, load_items

SOURCE = "taef2_recon_made"
LONG_SIDE_PX = 320
WIDTH = 64


class Block(nn.Module):
    """Three 3x3 convolutions with a residual, after an optional group-normalised bottleneck."""

    def __init__(self, *, pooled: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(_conv(), nn.ReLU(), _conv(), nn.ReLU(), _conv())
        wide = WIDTH * 4
        one = (
            nn.Conv2d(WIDTH, wide, 1, bias=False),
            nn.GroupNorm(4, wide),
            nn.ReLU(),
            nn.Conv2d(wide, WIDTH, 1, bias=False),
        )
        self.pool = nn.Sequential(*one) if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.pool is None else x + self.pool(x)
        return torch.relu(self.conv(x) + x)


class Clamp(nn.Module):
    """Soft clamp of the latent to -3..3."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3) * 3


def autoencoder(weights: Path) -> nn.Sequential:
    """Return encoder and decoder in one: pixels 0..1 (n, 3, h, w), sides multiples of 8, to the same."""
    down = lambda: nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False)  # noqa: E731
    up = lambda: (nn.Upsample(scale_factor=2), _conv(bias=False))  # noqa: E731
    blocks = lambda pooled=False: [Block(pooled=pooled) for _ in range(3)]  # noqa: E731
    encoder = nn.Sequential(
        nn.Conv2d(3, WIDTH, 3, padding=1), Block(), down(), *blocks(), down(), *blocks(), down(), *blocks(True),
        nn.Conv2d(WIDTH, 32, 3, padding=1),
    )  # fmt: skip
    decoder = nn.Sequential(
        Clamp(), nn.Conv2d(32, WIDTH, 3, padding=1), nn.ReLU(), *blocks(True), *up(), *blocks(), *up(), *blocks(), *up(),
        Block(), nn.Conv2d(WIDTH, 3, 3, padding=1),
    )  # fmt: skip
    encoder.load_state_dict(torch.load(weights / "taef2_encoder.pth", map_location="cpu", weights_only=True))
    decoder.load_state_dict(torch.load(weights / "taef2_decoder.pth", map_location="cpu", weights_only=True))
    return nn.Sequential(encoder, decoder).eval()


@torch.inference_mode()
def reconstruct(model: nn.Sequential, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return uint8 (height, width, 3) after the round trip, sides cut to multiples of 8."""
    height, width = (side - side % 8 for side in rgb.shape[:2])
    pixels = torch.from_numpy(rgb[:height, :width].copy()).permute(2, 0, 1)[None].float() / 255
    restored = model(pixels).clamp(0, 1)[0].permute(1, 2, 0)
    return np.asarray((restored * 255).round().byte().numpy())


def chosen(items: Sequence[Item], *, count: int) -> list[Item]:
    """Return `count` real photographs, dealt evenly over their sources in a fixed order."""
    photos = [i for i in items if i.label == 0 and i.kind in ("face", "scene")]
    by_source: dict[str, list[Item]] = {}
    for item in sorted(photos, key=lambda i: i.path.stem):
        by_source.setdefault(item.source, []).append(item)
    rounds = [[group[n] for group in by_source.values() if n < len(group)] for n in range(count)]
    return [item for turn in rounds for item in turn][:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=160)
    count = parser.parse_args().count
    torch.set_num_threads(1)
    model = autoencoder(Path(os.environ.get("DATA_ROOT", "../shared/data")) / "weights")
    out = Path(os.environ["DATA_EXTRA"])
    parents = chosen([i for i in load_items() if i.source != SOURCE], count=count)
    rows = []
    for done, parent in enumerate(parents, 1):
        path = Path("fake") / SOURCE / f"{parent.path.stem}_recon.png"
        if not (out / path).is_file():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            rgb = working_copy(parent.pixels(), max_side=LONG_SIDE_PX, tolerated=1.0)
            Image.fromarray(reconstruct(model, rgb)).save(out / path, compress_level=1)
        rows.append(
            {
                "path": str(path),
                "label": "fake",
                "source": SOURCE,
                "generator": "TAEF2 reconstruction",
                "kind": parent.kind,
                "pair_group": parent.pair_group,
            }
        )
        if done % 20 == 0:
            print(f"reconstructions {done}/{len(parents)}", flush=True)
    with (out / "manifest_recon.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _conv(*, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=bias)


if __name__ == "__main__":
    main()
