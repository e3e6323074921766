"""Pillow drawing over a time axis: what the pictures of recordings and of videos share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from forensics.domain.scores import Segment
from forensics.media.plot import CLOCK_FROM_S, FLAG, GRID, INK, PAPER, Colour, font, score_colours, time_ticks

TEXT_PX, SMALL_PX = 14, 12
_MOST_TICKS = 13
_DASH_PX = 6
_GAP_PX = 3

Rows = tuple[int, int]  # first and last pixel row of a lane


class TimeCanvas:
    """Draws on `image` between the columns `left` and `right`, which are the seconds 0 and `duration_s`."""

    def __init__(self, image: Image.Image, *, duration_s: float, left: int, right: int) -> None:
        self.draw = ImageDraw.Draw(image)
        self.left, self.right = left, right
        self._duration_s = max(duration_s, 1e-3)

    def x(self, seconds: float) -> int:
        return self.left + round(min(max(seconds / self._duration_s, 0.0), 1.0) * (self.right - self.left - 1))

    def text(
        self, at: tuple[int, int], text: str, *, size: int = TEXT_PX, anchor: str = "la", colour: Colour = INK
    ) -> None:
        self.draw.text(at, text, fill=colour, font=font(size), anchor=anchor)

    def lane(self, name: str, y: int, *, right: int = 9, colour: Colour = INK) -> None:
        """Write a lane's name left of the axis, around row `y`."""
        self.text((self.left - right, y), name, size=SMALL_PX, anchor="rm", colour=colour)

    def bar(self, start: float, end: float, rows: Rows, colour: Colour) -> tuple[int, int]:
        """Fill a span; returns its first and last column."""
        x0 = self.x(start)
        x1 = max(self.x(end), x0 + 1)
        self.draw.rectangle([(x0, rows[0]), (x1, rows[1])], fill=colour)
        return x0, x1

    def flagged(self, segments: Sequence[Segment], rows: Rows) -> Iterator[tuple[int, int]]:
        """Draw the spans with their scores in or beside them; yields each one's first and last column."""
        bars = [self.bar(s.start, s.end, rows, FLAG) for s in segments]
        following = [*(x0 for x0, _ in bars[1:]), self.right + self.left]  # the last may write into the margin
        for span, (x0, x1), nearest in zip(segments, bars, following, strict=False):
            self._span_score(f"{span.score:.2f}", x0, x1, nearest=nearest, middle=sum(rows) // 2)
            yield x0, x1

    def score_grid(self, rows: Rows) -> None:
        """Draw the lines of P(fake) 0, 0.5 and 1."""
        for level in (0.0, 0.5, 1.0):
            y = score_row(level, rows)
            self.draw.line([(self.left, y), (self.right, y)], fill=GRID)
            self.text((self.left - 5, y), f"{level:g}", size=SMALL_PX, anchor="rm")

    def score_columns(self, scores: NDArray[np.float32], rows: Rows) -> None:
        """Draw one P(fake) for each column as its height and colour; nan leaves the column free."""
        colours = score_colours(np.nan_to_num(scores))
        for i in (int(i) for i in np.flatnonzero(np.isfinite(scores))):
            top = score_row(float(scores[i]), rows)
            colour = int(colours[i][0]), int(colours[i][1]), int(colours[i][2])
            self.draw.line([(self.left + i, top), (self.left + i, rows[1])], fill=colour)

    def threshold(self, score: float, rows: Rows) -> None:
        """Draw a dashed line at a score, and its number at the right end."""
        y = score_row(score, rows)
        for x in range(self.left, self.right, 2 * _DASH_PX):
            self.draw.line([(x, y), (min(x + _DASH_PX, self.right), y)], fill=INK)
        self.text((self.right + 4, y), f"{score:.2f}", size=SMALL_PX, anchor="lm")

    def times(self, *, under: Sequence[int], axis_y: int) -> None:
        """Write round times from row `axis_y` on, with ticks below the rows `under`."""
        for seconds, label in time_ticks(self._duration_s, most=_MOST_TICKS):
            x = self.x(seconds)
            for row in under:
                self.draw.line([(x, row), (x, row + 4)], fill=INK)
            self.text((x, axis_y + 2), label, anchor="ma")
        unit = "minutes:seconds" if self._duration_s > CLOCK_FROM_S else "seconds"
        self.text(((self.left + self.right) // 2, axis_y + 22), unit, anchor="ma")

    def _span_score(self, text: str, x0: int, x1: int, *, nearest: int, middle: int) -> None:
        """Write a span's score into its bar, or beside it when there is room before the nearest one; else not at all."""
        width = self.draw.textlength(text, font=font(TEXT_PX)) + 2 * _GAP_PX
        if width <= x1 - x0:
            self.text(((x0 + x1) // 2, middle), text, anchor="mm", colour=PAPER)
        elif x1 + width <= nearest:
            self.text((x1 + _GAP_PX, middle), text, anchor="lm", colour=FLAG)


def score_row(score: float, rows: Rows) -> int:
    """Return the pixel row of a P(fake) in a lane: 0 at its last row, 1 at its first."""
    return rows[1] - round(score * (rows[1] - rows[0]))


def mean_per_column(
    spans: Sequence[tuple[float, float, float]], *, duration_s: float, width: int
) -> NDArray[np.float32]:
    """Return the mean score of the spans (start, end, score) over each of `width` equal stretches: float32, nan where none lies."""
    scale = width / max(duration_s, 1e-3)
    total, count = np.zeros(width), np.zeros(width)
    for start, end, score in spans:
        first = min(max(int(start * scale), 0), width - 1)
        last = min(max(int(np.ceil(end * scale)), first + 1), width)
        total[first:last] += score
        count[first:last] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def few_colours(image: Image.Image) -> Image.Image:
    """Return the picture with 256 colours: a third as large and twice as fast to write, and the eye sees no difference."""
    return image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
