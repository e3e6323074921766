"""How long each stage of an analysis takes, also when stages take turns on a stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Adds up milliseconds by stage; `elapsed_ms` holds the stages in the order in which they were first entered."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.elapsed_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the block for `name`."""
        start = self._clock()
        try:
            yield
        finally:
            self.elapsed_ms[name] = self.elapsed_ms.get(name, 0.0) + (self._clock() - start) * 1000

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, counting for `name` the time that making them takes, and not what is done with them."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
