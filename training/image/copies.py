"""Copies of one photograph in several repositories, told by a hash of its gradients, so that none lies on both sides of a split."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16
BITS = SIDE * SIDE
SAME_BITS = 12  # of 256: a copy that was encoded or scaled anew
LEAST_SET = 40  # an empty sheet resembles every other


def gradient_hash(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 256 bits as bytes (32,): whether each cell of a 17 x 16 reduction is darker than its right neighbour."""
    grey = Image.fromarray(rgb).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    cells = np.asarray(grey, dtype=np.int16)
    return np.packbits(cells[:, :-1] < cells[:, 1:])


@dataclass
class Gallery:
    """The pictures seen so far with the repository of each."""

    hashes: list[NDArray[np.uint8]] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)

    def is_copy(self, rgb: NDArray[np.uint8], repository: str) -> bool:
        """Whether another repository had this picture; remembers it when none had."""
        mine = gradient_hash(rgb)
        if np.bitwise_count(mine).sum() >= LEAST_SET:
            others = np.array([name != repository for name in self.repositories], dtype=bool)
            if others.any():
                apart = np.bitwise_count(np.stack(self.hashes)[others] ^ mine).sum(axis=1)
                if apart.min() <= SAME_BITS:
                    return True
            self.hashes.append(mine)
            self.repositories.append(repository)
        return False
