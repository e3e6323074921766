"""A recording as a picture: its spectrogram, what is flagged on it, where speech is, and the score of every stretch."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from forensics.domain.timeline import AudioTimeline
from forensics.media.plot import (
    CALM,
    CLOCK_FROM_S,
    FLAG,
    GRID,
    INK,
    PAPER,
    Colour,
    font,
    heat_colours,
    score_colours,
    time_ticks,
)
from forensics.media.spectrogram import BAND_HZ, BANDS, MOST_COLUMNS, Sketch

PLOT_PX = MOST_COLUMNS  # as many as there are columns at most
SIZE_PX = (PLOT_PX + 108, 642)
_LEFT, _RIGHT = 76, 76 + PLOT_PX
_TITLE_Y = 12
_FLAGS = (40, 62)  # first and last row of each lane
_SOUND = (66, 450)
_SPEECH = (460, 469)
_SCORES = (486, 590)
_AXIS_Y = 596
_MOST_TICKS = 13
_RANGE_DB = 75.0
_HEADROOM_QUANTILE = 0.999
_QUIETEST_TOP_DB = -40.0  # so that silence stays dark
_DASH_PX = 6
_GAP_PX = 3
_LEAST_FRAME_PX = 16
_TEXT_PX, _SMALL_PX = 14, 12


def audio_png(sketch: Sketch, timeline: AudioTimeline) -> bytes:
    """Return the picture as PNG, SIZE_PX whatever the recording's length: seconds to the right, kHz upwards.

    Above the spectrogram lie the flagged spans with their scores, below it the speech and the mean P(fake) of the windows over
    each moment, with the threshold of a synthetic verdict.
    """
    image = Image.new("RGB", SIZE_PX, PAPER)
    image.paste(Image.fromarray(_spectrogram(sketch, timeline.duration_s)), (_LEFT, _SOUND[0]))
    canvas = _Canvas(image, timeline)
    canvas.title()
    canvas.frequencies()
    canvas.scores()
    canvas.spans()
    canvas.times()
    buffer = io.BytesIO()
    # A palette makes it a third as large and twice as fast to write, and the eye sees no difference.
    few = image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(buffer, format="PNG")
    return buffer.getvalue()


class _Canvas:
    def __init__(self, image: Image.Image, timeline: AudioTimeline) -> None:
        self._image = image
        self._draw = ImageDraw.Draw(image)
        self._timeline = timeline
        self._duration_s = max(timeline.duration_s, 1e-3)

    def title(self) -> None:
        t = self._timeline
        side = f"  ·  {t.side} side" if t.side else ""
        self._text((_LEFT, _TITLE_Y), f"P(fake) over time by {t.model}{side}", size=16)
        if not t.windows:
            self._text((_RIGHT, _TITLE_Y), "too little speech to score", anchor="ra")

    def frequencies(self) -> None:
        top, bottom = _SOUND
        for khz in range(0, round(BAND_HZ * BANDS / 1000) + 1, 2):
            y = bottom - round((bottom - top) * khz * 1000 / (BAND_HZ * BANDS))
            self._draw.line([(_LEFT - 5, y), (_LEFT - 1, y)], fill=INK)
            self._text((_LEFT - 9, y), f"{khz}", anchor="rm")
        self._text((_LEFT - 30, (top + bottom) // 2), "kHz", anchor="rm")

    def scores(self) -> None:
        top, bottom = _SCORES
        heights = score_per_pixel(self._timeline, PLOT_PX)
        self._lane("P(fake)", (top + bottom) // 2, right=30)
        for level in (0.0, 0.5, 1.0):
            y = self._score_y(level)
            self._draw.line([(_LEFT, y), (_RIGHT, y)], fill=GRID)
            self._text((_LEFT - 5, y), f"{level:g}", size=_SMALL_PX, anchor="rm")
        colours = score_colours(np.nan_to_num(heights))
        for x in (int(i) for i in np.flatnonzero(np.isfinite(heights))):
            y = self._score_y(float(heights[x]))
            self._draw.line([(_LEFT + x, y), (_LEFT + x, bottom)], fill=_colour(colours[x]))
        self._threshold(self._score_y(self._timeline.threshold))

    def spans(self) -> None:
        for start, end in self._timeline.speech:
            self._bar(start, end, _SPEECH, CALM)
        self._lane("speech", sum(_SPEECH) // 2)
        if self._timeline.segments:
            self._lane("flagged", sum(_FLAGS) // 2, colour=FLAG)
        bars = [self._bar(s.start, s.end, _FLAGS, FLAG) for s in self._timeline.segments]
        following = [*(x0 for x0, _ in bars[1:]), SIZE_PX[0]]
        for span, (x0, x1), nearest in zip(self._timeline.segments, bars, following, strict=False):
            if x1 - x0 >= _LEAST_FRAME_PX:  # an hour's many short spans would hide what they frame
                self._draw.rectangle([(x0, _SOUND[0]), (x1, _SOUND[1] - 1)], outline=FLAG, width=2)
            self._span_score(f"{span.score:.2f}", x0, x1, nearest=nearest)

    def times(self) -> None:
        for seconds, label in time_ticks(self._duration_s, most=_MOST_TICKS):
            x = self._x(seconds)
            for row in (_SOUND[1], _SCORES[1]):
                self._draw.line([(x, row), (x, row + 4)], fill=INK)
            self._text((x, _AXIS_Y + 2), label, anchor="ma")
        unit = "minutes:seconds" if self._duration_s > CLOCK_FROM_S else "seconds"
        self._text(((_LEFT + _RIGHT) // 2, _AXIS_Y + 22), unit, anchor="ma")

    def _span_score(self, text: str, x0: int, x1: int, *, nearest: int) -> None:
        """Write a span's score into its bar, or beside it when there is room before the nearest one; else not at all."""
        width = self._draw.textlength(text, font=font(_TEXT_PX)) + 2 * _GAP_PX
        middle = sum(_FLAGS) // 2
        if width <= x1 - x0:
            self._text(((x0 + x1) // 2, middle), text, anchor="mm", colour=PAPER)
        elif x1 + width <= nearest:
            self._text((x1 + _GAP_PX, middle), text, anchor="lm", colour=FLAG)

    def _threshold(self, y: int) -> None:
        for x in range(_LEFT, _RIGHT, 2 * _DASH_PX):
            self._draw.line([(x, y), (min(x + _DASH_PX, _RIGHT), y)], fill=INK)
        self._text((_RIGHT + 4, y), f"{self._timeline.threshold:.2f}", size=_SMALL_PX, anchor="lm")

    def _bar(self, start: float, end: float, rows: tuple[int, int], colour: Colour) -> tuple[int, int]:
        x0 = self._x(start)
        x1 = max(self._x(end), x0 + 1)
        self._draw.rectangle([(x0, rows[0]), (x1, rows[1])], fill=colour)
        return x0, x1

    def _lane(self, name: str, y: int, *, right: int = 9, colour: Colour = INK) -> None:
        self._text((_LEFT - right, y), name, size=_SMALL_PX, anchor="rm", colour=colour)

    def _x(self, seconds: float) -> int:
        return _LEFT + round(min(max(seconds / self._duration_s, 0.0), 1.0) * (PLOT_PX - 1))

    def _score_y(self, score: float) -> int:
        return _SCORES[1] - round(score * (_SCORES[1] - _SCORES[0]))

    def _text(
        self, at: tuple[int, int], text: str, *, size: int = _TEXT_PX, anchor: str = "la", colour: Colour = INK
    ) -> None:
        self._draw.text(at, text, fill=colour, font=font(size), anchor=anchor)


def score_per_pixel(timeline: AudioTimeline, width: int) -> NDArray[np.float32]:
    """Return the mean score of the windows over each of `width` equal stretches of the recording: float32, nan where none lies."""
    scale = width / max(timeline.duration_s, 1e-3)
    total, count = np.zeros(width), np.zeros(width)
    for window in timeline.windows:
        first = min(max(int(window.start_s * scale), 0), width - 1)
        last = min(max(int(np.ceil(window.end_s * scale)), first + 1), width)
        total[first:last] += window.score
        count[first:last] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _spectrogram(sketch: Sketch, duration_s: float) -> NDArray[np.uint8]:
    """Return colours uint8 (rows, PLOT_PX, 3), low frequencies at the bottom; black without sound."""
    rows = _SOUND[1] - _SOUND[0]
    if not sketch.levels.size:
        return np.zeros((rows, PLOT_PX, 3), dtype=np.uint8)
    top = max(float(np.quantile(sketch.levels, _HEADROOM_QUANTILE)), _QUIETEST_TOP_DB)
    share = np.clip((sketch.levels.T[::-1] - top) / _RANGE_DB + 1.0, 0.0, 1.0)  # (BANDS, columns)
    right = min(max(duration_s / sketch.column_s, 1.0), share.shape[1])  # the last column may reach beyond the end
    grey = Image.fromarray(np.ascontiguousarray(share, dtype=np.float32))
    whole = grey.resize((PLOT_PX, rows), Image.Resampling.BILINEAR, box=(0, 0, right, BANDS))
    return heat_colours(np.asarray(whole))


def _colour(row: NDArray[np.uint8]) -> Colour:
    return int(row[0]), int(row[1]), int(row[2])
