"""Cheap measurements of the pixels, turned into words by ranges that were measured on real photographs (docs/signals.md)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.domain.scores import Signal


@dataclass(frozen=True)
class SignalRange:
    """The central range of a measurement on real photographs and the words below, inside and above it."""

    low: float
    high: float
    below: str
    inside: str
    above: str
    what: str


@dataclass(frozen=True)
class SignalRanges:
    """All ranges by signal name; a signal without a range is not reported."""

    ranges: dict[str, SignalRange]

    @classmethod
    def load(cls, path: Path) -> SignalRanges:
        """Read signals.toml; a missing file means no signals."""
        if not path.is_file():
            return cls({})
        with path.open("rb") as handle:
            table = tomllib.load(handle)
        return cls({name: SignalRange(**row) for name, row in table.items()})


def measure_signals(working: NDArray[np.uint8], ranges: SignalRanges) -> tuple[Signal, ...]:
    """Measure the working copy, uint8 (height, width, 3); returns one Signal per measurement that has a range."""
    return ()
