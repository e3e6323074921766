"""Progress on stderr: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

PLAIN_INTERVAL_S = 10.0

T = TypeVar("T")


def progress(items: Iterable[T], *, total: int) -> Iterator[T]:
    """Yield the items while showing how far it is."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, unit="file", file=sys.stderr)
        return
    last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last >= PLAIN_INTERVAL_S and done < total:
            last = time.monotonic()
            print(f"{done}/{total} files", file=sys.stderr, flush=True)
