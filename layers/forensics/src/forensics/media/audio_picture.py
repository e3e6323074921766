"""A recording as a picture: its spectrogram, what is flagged on it, where speech is, and the score of every stretch."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.timeline import AudioTimeline
from forensics.media.plot import CALM, FLAG, INK, PAPER, heat_colours
from forensics.media.spectrogram import BAND_HZ, BANDS, MOST_COLUMNS, Sketch
from forensics.media.time_canvas import TimeCanvas, few_colours, mean_per_column

PLOT_PX = MOST_COLUMNS  # as many as there are columns at most
SIZE_PX = (PLOT_PX + 108, 642)
_LEFT, _RIGHT = 76, 76 + PLOT_PX
_TITLE_Y = 12
_FLAGS = (40, 62)  # first and last row of each lane
_SOUND = (66, 450)
_SPEECH = (460, 469)
_SCORES = (486, 590)
_AXIS_Y = 596
_RANGE_DB = 75.0
_HEADROOM_QUANTILE = 0.999
_QUIETEST_TOP_DB = -40.0  # so that silence stays dark
_LEAST_FRAME_PX = 16


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
    canvas.times(under=(_SOUND[1], _SCORES[1]), axis_y=_AXIS_Y)
    buffer = io.BytesIO()
    few_colours(image).save(buffer, format="PNG")
    return buffer.getvalue()


class _Canvas(TimeCanvas):
    def __init__(self, image: Image.Image, timeline: AudioTimeline) -> None:
        super().__init__(image, duration_s=timeline.duration_s, left=_LEFT, right=_RIGHT)
        self._timeline = timeline

    def title(self) -> None:
        t = self._timeline
        side = f"  ·  {t.side} side" if t.side else ""
        self.text((_LEFT, _TITLE_Y), f"P(fake) over time by {t.model}{side}", size=16)
        if not t.windows:
            self.text((_RIGHT, _TITLE_Y), "too little speech to score", anchor="ra")

    def frequencies(self) -> None:
        top, bottom = _SOUND
        for khz in range(0, round(BAND_HZ * BANDS / 1000) + 1, 2):
            y = bottom - round((bottom - top) * khz * 1000 / (BAND_HZ * BANDS))
            self.draw.line([(_LEFT - 5, y), (_LEFT - 1, y)], fill=INK)
            self.text((_LEFT - 9, y), f"{khz}", anchor="rm")
        self.text((_LEFT - 30, (top + bottom) // 2), "kHz", anchor="rm")

    def scores(self) -> None:
        self.lane("P(fake)", sum(_SCORES) // 2, right=30)
        self.score_grid(_SCORES)
        self.score_columns(score_per_pixel(self._timeline, PLOT_PX), _SCORES)
        self.threshold(self._timeline.threshold, _SCORES)

    def spans(self) -> None:
        for start, end in self._timeline.speech:
            self.bar(start, end, _SPEECH, CALM)
        self.lane("speech", sum(_SPEECH) // 2)
        if self._timeline.segments:
            self.lane("flagged", sum(_FLAGS) // 2, colour=FLAG)
        for x0, x1 in self.flagged(self._timeline.segments, _FLAGS):
            if x1 - x0 >= _LEAST_FRAME_PX:  # an hour's many short spans would hide what they frame
                self.draw.rectangle([(x0, _SOUND[0]), (x1, _SOUND[1] - 1)], outline=FLAG, width=2)


def score_per_pixel(timeline: AudioTimeline, width: int) -> NDArray[np.float32]:
    """Return the mean score of the windows over each of `width` equal stretches of the recording: float32, nan where none lies."""
    spans = [(w.start_s, w.end_s, w.score) for w in timeline.windows]
    return mean_per_column(spans, duration_s=timeline.duration_s, width=width)


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
