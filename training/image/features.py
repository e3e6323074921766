"""Frozen-encoder features of every picture, clean and augmented, cached on disk.

    python -m training.image.features --views 4      # needs DATA_ROOT, FEATURE_CACHE; resumes where it stopped

View 0 is the neutral re-encoding that everything is measured on; views 1.. are random histories (training.image.augment).
"""

from __future__ import annotations

import argparse
import os
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.encoders import read_encoders
from forensics.detect.onnx import Array, OnnxModel
from forensics.media.tensors import Normalisation, square_view, to_tensor, working_copy
from forensics.settings import ModelSettings
from training.image.augment import augment, neutral
from training.image.data import Item, load_items

ENCODER = "clip-vit-b16"
SIDE_PX = 224
# OpenAI's CLIP preprocessing (github.com/openai/CLIP, clip.py).
CLIP_NORM = Normalisation((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
EMBEDDING = "image_embeds"
# The tokens after blocks 1, 3 ... 11: their class tokens are all read (Koutlis & Papadopoulos 2024), the patches of two of them.
BLOCKS = tuple(f"/vision_model/encoder/layers.{n}/Add_1_output_0" for n in (0, 2, 4, 6, 8, 10))
EARLY, MIDDLE = BLOCKS[2], BLOCKS[3]


@dataclass(frozen=True)
class Encoder:
    """The pinned encoder with its preprocessing."""

    model: OnnxModel

    @classmethod
    def load(cls) -> Encoder:
        settings = ModelSettings.from_env()
        spec = read_encoders(settings.models_dir)[ENCODER]
        return cls(OnnxModel(spec.located(settings.encoders_dir), threads=1))

    def raw(self, rgb: NDArray[np.uint8]) -> dict[str, Array]:
        """Return the encoder's outputs for one picture, uint8 (height, width, 3)."""
        view = square_view(working_copy(rgb), side=SIDE_PX)[None]
        return self.model.run({"pixel_values": to_tensor(view, norm=CLIP_NORM)})

    def features(self, rgb: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Return the pooled vector that the head is fitted on: (512 + 4 * 768 + 6 * 768,)."""
        return pool(self.raw(rgb)).astype(np.float16)


def pool(raw: dict[str, Array]) -> Array:
    """Join the embedding, mean and deviation over the patch tokens of an early and a middle block, and six class tokens."""
    tokens = [raw[name][0, 1:] for name in (EARLY, MIDDLE)]  # (196, 768) each, class token left out
    statistics = [s for t in tokens for s in (t.mean(axis=0), t.std(axis=0))]
    return np.concatenate([raw[EMBEDDING][0], *statistics, *(raw[name][0, 0] for name in BLOCKS)])


def view_of(item: Item, *, view: int) -> NDArray[np.uint8]:
    """Return the picture's neutral version (view 0) or its random history number `view`, reproducibly."""
    rgb = working_copy(item.pixels())
    if view == 0:
        return neutral(rgb)
    return augment(rgb, np.random.default_rng([zlib.crc32(item.path.name.encode()), view]))


def load_features(items: Sequence[Item], *, views: int) -> NDArray[np.float32]:
    """Return cached features (items, views, width); raises FileNotFoundError when this module has not run."""
    return np.stack([[np.load(cache_path(item, view=v)) for v in range(views)] for item in items]).astype(np.float32)


def cache_path(item: Item, *, view: int) -> Path:
    return Path(os.environ.get("FEATURE_CACHE", "runs/features")) / f"{item.source}_{item.path.stem}_{view}.npy"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=4)
    views = parser.parse_args().views
    encoder, items = Encoder.load(), load_items(taught_only=True)
    todo = [(item, v) for v in range(views) for item in items if not cache_path(item, view=v).is_file()]
    started = time.monotonic()
    for done, (item, view) in enumerate(todo, 1):
        path = cache_path(item, view=view)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, encoder.features(view_of(item, view=view)))
        if done % 100 == 0 or done == len(todo):
            print(f"features {done}/{len(todo)}  {done / (time.monotonic() - started):.1f}/s", flush=True)


if __name__ == "__main__":
    main()
