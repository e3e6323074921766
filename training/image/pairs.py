"""Pairs for the artefact network: crops of real photographs, and the same crops redrawn by an autoencoder.

    python -m training.image.pairs     # needs DATA_ROOT, DATA_EXTRA; goes on where it stopped; 0.6 s a pair on one core

A pair differs in the decoder's traces alone, so nothing of content, camera or file can be learnt from it. Written to
DATA_EXTRA/pairs, one file a picture: uint8 (2, 256, 256, 3), real before redrawn.
"""

from __future__ import annotations

import os
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from forensics.media.tensors import working_copy
from training.image.data import Item, load_items
from training.image.recon import autoencoder

SIDE_PX = 256
SMALLEST_SCALE = 0.4  # of the working copy: generators draw what fills the frame, not a detail of it
MOST_OF_A_SOURCE = 100


def main() -> None:
    torch.set_num_threads(1)
    model = autoencoder(Path(os.environ.get("DATA_ROOT", "../shared/data")) / "weights")
    encoder, decoder = (part.to(memory_format=torch.channels_last) for part in model)
    todo = [item for item in parents(load_items()) if not path_of(item).is_file()]
    started = time.monotonic()
    for done, item in enumerate(todo, 1):
        real = cut(item.pixels(), np.random.default_rng(zlib.crc32(item.path.name.encode())))
        path_of(item).parent.mkdir(parents=True, exist_ok=True)
        np.save(path_of(item), np.stack([real, redraw(encoder, decoder, real)]))
        if done % 100 == 0 or done == len(todo):
            print(f"pairs {done}/{len(todo)} {time.monotonic() - started:.0f} s", flush=True)


def parents(items: Sequence[Item]) -> list[Item]:
    """Return the real pictures that are redrawn: all but documents, a fixed sample of large sources, sources in turns."""
    photos = sorted((i for i in items if i.label == 0 and i.kind != "document"), key=lambda i: i.path.stem)
    turn: Counter[str] = Counter()
    dealt = []
    for item in photos:
        dealt.append((turn[item.source], item))
        turn[item.source] += 1
    kept = [(number, item) for number, item in dealt if number < MOST_OF_A_SOURCE]
    return [item for _, item in sorted(kept, key=lambda pair: pair[0])]


def load_pair(item: Item) -> NDArray[np.uint8]:
    """Return uint8 (2, 256, 256, 3); raises FileNotFoundError when main() has not made it."""
    return np.asarray(np.load(path_of(item)))


def path_of(item: Item) -> Path:
    return Path(os.environ["DATA_EXTRA"]) / "pairs" / f"{item.source}_{item.path.stem}.npy"


def cut(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a crop of the picture at a random scale: uint8 (256, 256, 3)."""
    rgb = working_copy(rgb)
    height, width = rgb.shape[:2]
    least = SIDE_PX / min(height, width)
    scale = least if least >= 1 else float(np.exp(rng.uniform(np.log(max(least, SMALLEST_SCALE)), 0.0)))
    if scale != 1:
        size = (max(SIDE_PX, round(width * scale)), max(SIDE_PX, round(height * scale)))
        rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS), dtype=np.uint8)
    top, left = (int(rng.integers(side - SIDE_PX + 1)) for side in rgb.shape[:2])
    return rgb[top : top + SIDE_PX, left : left + SIDE_PX]


@torch.inference_mode()
def redraw(encoder: nn.Module, decoder: nn.Module, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return uint8 (height, width, 3) after the round trip; the decoder, whose traces count, works in full precision."""
    pixels = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 255
    with torch.autocast("cpu", dtype=torch.bfloat16):
        latent = encoder(pixels.contiguous(memory_format=torch.channels_last))
    drawn = decoder(latent.float()).clamp(0, 1)[0].permute(1, 2, 0)
    return np.asarray((drawn * 255).round().byte().numpy())


if __name__ == "__main__":
    main()
