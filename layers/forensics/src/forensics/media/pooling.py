"""Rows that stream by, pooled to a bounded number of columns: an hour needs no more room than a minute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]


class MaxPool:
    """Keeps the maxima of `per_column` rows of `width` numbers; when there are `most` columns, each two become one."""

    def __init__(self, *, width: int, most: int, per_column: int = 1) -> None:
        if most < 2 or most % 2:
            raise ValueError("`most` must be even, so that columns fold in pairs")
        self.per_column = per_column
        self._columns = np.full((most, width), -np.inf, dtype=np.float32)
        self._rows = 0

    def push(self, rows: Rows) -> None:
        """Take the next rows (n, width)."""
        while rows.shape[0]:
            room = len(self._columns) * self.per_column - self._rows
            if not room:
                self._fold()
                continue
            self._take(rows[:room])
            rows = rows[room:]

    def columns(self) -> Rows:
        """Return what was pooled so far: float32 (columns, width), the last column perhaps of fewer rows."""
        return self._columns[: -(-self._rows // self.per_column)].copy()

    def _take(self, rows: Rows) -> None:
        column = (self._rows + np.arange(rows.shape[0])) // self.per_column
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        at = column[starts]
        self._columns[at] = np.maximum(self._columns[at], np.maximum.reduceat(rows, starts, axis=0))
        self._rows += rows.shape[0]

    def _fold(self) -> None:
        half = len(self._columns) // 2
        self._columns[:half] = self._columns.reshape(half, 2, -1).max(axis=1)
        self._columns[half:] = -np.inf
        self.per_column *= 2
