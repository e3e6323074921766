"""A video's verdict as two pictures: its scores over time, and a sheet of the frames behind them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from forensics.domain.scores import Region
from forensics.domain.video_timeline import KINDS, Lane, VideoTimeline, spans_of
from forensics.media.plot import CALM, CLOCK_FROM_S, DOUBT, FLAG, GRID, INK, PAPER, Colour, font, score_colours
from forensics.media.time_canvas import SMALL_PX, TEXT_PX, TimeCanvas, few_colours, mean_per_column

PLOT_PX = 1000
_LEFT, _RIGHT = 112, 112 + PLOT_PX
_WIDTH = PLOT_PX + 160
_TITLE_Y = 12
_FIRST_ROW = 44
_FLAG_PX, _SCORES_PX, _GAP_PX = 22, 110, 12
_CUT_PX = 5
_AXIS_PX = 46

MOST_TILES = 24
LONG_PX, SHORT_PX = 196, 147  # a frame is fitted into these, lying or upright
_LEAST_CELL_PX = 156  # for the caption
_FRAME_PX = 5
_CAPTION_PX = 22
_MARGIN_PX, _BETWEEN_PX = 16, 12
_MOST_COLUMNS = 6
_LEAST_COLUMNS = 3  # so that the title fits
_HEAD_PX = 60
_BOX_PX = 2

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Tile:
    """One frame of the sheet: its second, its picture, its P(fake), whether a flagged span covers it, its faces.

    `rgb` is uint8 (height, width, 3) of any size; boxes are in pixels of a frame of `frame_size` (width, height).
    """

    time_s: float
    rgb: Rgb
    score: float
    flagged: bool
    frame_size: tuple[int, int]
    boxes: tuple[Region, ...] = ()


def thumbnail(rgb: Rgb) -> Rgb:
    """Return the frame as small as the sheet shows it: uint8 (height, width, 3)."""
    height, width = rgb.shape[:2]
    long_px, short_px = max(width, height), min(width, height)
    scale = min(LONG_PX / long_px, SHORT_PX / short_px)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    step = max(1, int(0.25 / scale))  # a 4K frame need not be filtered whole
    small = Image.fromarray(np.ascontiguousarray(rgb[::step, ::step])).resize(size, Image.Resampling.BOX)
    return np.asarray(small)


def timeline_png(timeline: VideoTimeline) -> bytes:
    """Return the scores over time as PNG: flagged spans by kind on top, below them each model's P(fake); cuts cross all lanes."""
    kinds = [k for k in KINDS if spans_of(timeline.segments, k)] or ["frame"]
    all_lanes = (("faces", timeline.face_scores), ("frames", timeline.frames), ("sound", timeline.sound))
    lanes = [(name, lane) for name, lane in all_lanes if lane is not None]
    flags_end = _FIRST_ROW + len(kinds) * (_FLAG_PX + 4)
    bottom = flags_end + _GAP_PX + len(lanes) * (_SCORES_PX + _GAP_PX) - _GAP_PX
    image = Image.new("RGB", (_WIDTH, bottom + _AXIS_PX + 4), PAPER)
    canvas = _Timeline(image, timeline)
    canvas.text((_LEFT, _TITLE_Y), f"P(fake) over time by {', '.join(lane.model for _, lane in lanes)}", size=16)
    for n, kind in enumerate(kinds):
        top = _FIRST_ROW + n * (_FLAG_PX + 4)
        canvas.flags(kind, (top, top + _FLAG_PX - 1))
    rows = [(top, top + _SCORES_PX) for top in range(flags_end + _GAP_PX, bottom, _SCORES_PX + _GAP_PX)]  # of the lanes
    for (name, lane), row in zip(lanes, rows, strict=True):
        canvas.scores(name, lane, row)
    canvas.cuts((_FIRST_ROW, bottom))
    canvas.gaps((rows[0][0], rows[-1 if timeline.sound is None else -2][1]))
    canvas.times(under=[row[1] for row in rows], axis_y=bottom + 4)
    return _png(few_colours(image))


class _Timeline(TimeCanvas):
    def __init__(self, image: Image.Image, timeline: VideoTimeline) -> None:
        super().__init__(image, duration_s=timeline.duration_s, left=_LEFT, right=_RIGHT)
        self._timeline = timeline

    def flags(self, kind: str, rows: tuple[int, int]) -> None:
        spans = spans_of(self._timeline.segments, kind)
        self.draw.rectangle([(_LEFT, rows[0]), (_RIGHT, rows[1])], fill=_tint(GRID))
        self.lane(f"flagged: {kind}" if spans else "nothing flagged", sum(rows) // 2, colour=FLAG if spans else INK)
        for _ in self.flagged(spans, rows):
            pass

    def scores(self, name: str, lane: Lane, rows: tuple[int, int]) -> None:
        self.lane(name, sum(rows) // 2, right=34)
        self.score_grid(rows)
        spans = [(s.start, s.end, s.score) for s in lane.spans]
        self.score_columns(mean_per_column(spans, duration_s=self._timeline.duration_s, width=PLOT_PX), rows)
        self.threshold(lane.threshold, rows)

    def gaps(self, rows: tuple[int, int]) -> None:
        """Cover what could not be analysed."""
        for start, end in self._timeline.uncovered:
            x0, x1 = self.x(start), self.x(end)
            self.draw.rectangle([(x0, rows[0]), (x1, rows[1])], fill=_tint(GRID), outline=DOUBT, width=2)
            if x1 - x0 > self.draw.textlength("not analysed", font=font(SMALL_PX)) + 8:
                self.text(((x0 + x1) // 2, sum(rows) // 2), "not analysed", size=SMALL_PX, anchor="mm")

    def cuts(self, rows: tuple[int, int]) -> None:
        for moment in self._timeline.cuts:
            x = self.x(moment)
            for y in range(rows[0], rows[1], 2 * _CUT_PX):
                self.draw.line([(x, y), (x, min(y + _CUT_PX, rows[1]))], fill=INK)
        if self._timeline.cuts:
            self.text((_RIGHT, _TITLE_Y), "dashed: change of scene", size=SMALL_PX, anchor="ra")


def contact_sheet_png(tiles: Sequence[Tile], *, duration_s: float, looked_at: int, model: str) -> bytes:
    """Return the sheet as PNG: up to MOST_TILES frames in order of time, each in the colour of its score, faces in their boxes."""
    columns = max(_LEAST_COLUMNS, min(_MOST_COLUMNS, len(tiles)))
    lines = -(-len(tiles) // columns)
    height = max((t.rgb.shape[0] for t in tiles), default=0)
    width = max(_LEAST_CELL_PX, *(t.rgb.shape[1] + 2 * _FRAME_PX for t in tiles), 0)
    step = width + _BETWEEN_PX, height + 2 * _FRAME_PX + _CAPTION_PX + _BETWEEN_PX
    size = 2 * _MARGIN_PX + columns * step[0] - _BETWEEN_PX, _MARGIN_PX + _HEAD_PX + lines * step[1]
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN_PX, 12), f"{len(tiles)} of {looked_at} frames by {model}", fill=INK, font=font(16))
    _legend(draw, (_MARGIN_PX, 40))
    for n, tile in enumerate(tiles):
        at = _MARGIN_PX + n % columns * step[0], _HEAD_PX + _MARGIN_PX // 2 + n // columns * step[1]
        _place(sheet, draw, tile, (*at, width, height), clock=duration_s > CLOCK_FROM_S)
    return _png(few_colours(sheet))


def _place(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, cell: tuple[int, int, int, int], *, clock: bool
) -> None:
    """Draw one frame, centred in its cell (left, top, width, the tallest picture's height), with its caption under it."""
    left, top, width, height = cell
    picture = Image.fromarray(tile.rgb)
    x, y = left + (width - picture.width) // 2, top + height - picture.height + _FRAME_PX
    colour = _score_colour(tile.score)
    frame = (x - _FRAME_PX, y - _FRAME_PX, x + picture.width + _FRAME_PX - 1, y + picture.height + _FRAME_PX - 1)
    draw.rectangle(frame, fill=colour)
    sheet.paste(picture, (x, y))
    for box in tile.boxes:
        _box(draw, box, tile, (x, y), picture.width / tile.frame_size[0])
    below, right = top + height + 2 * _FRAME_PX + 3, left + width
    draw.text((left, below), _moment(tile.time_s, clock=clock), fill=INK, font=font(TEXT_PX))
    if tile.flagged:
        draw.text(((left + right) // 2, below), "flagged", fill=FLAG, font=font(TEXT_PX), anchor="ma")
    draw.text((right, below), f"{tile.score:.2f}", fill=INK, font=font(TEXT_PX), anchor="ra")


def _box(draw: ImageDraw.ImageDraw, box: Region, tile: Tile, at: tuple[int, int], scale: float) -> None:
    """Draw a face's box inside its frame, its score above it or, at the upper edge, inside."""
    height, width = tile.rgb.shape[:2]
    x0, y0 = (max(0, round(v * scale)) for v in (box.x, box.y))
    x1, y1 = min(width - 1, round((box.x + box.w) * scale)), min(height - 1, round((box.y + box.h) * scale))
    if x1 <= x0 or y1 <= y0:
        return
    colour = _score_colour(box.score)
    draw.rectangle((at[0] + x0, at[1] + y0, at[0] + x1, at[1] + y1), outline=colour, width=_BOX_PX)
    label = f"{box.score:.2f}"
    wide = int(draw.textlength(label, font=font(SMALL_PX))) + 4
    top = y0 - 14 if y0 >= 14 else y0
    left = min(x0, max(0, width - wide))
    draw.rectangle((at[0] + left, at[1] + top, at[0] + left + wide - 1, at[1] + top + 13), fill=colour)
    draw.text((at[0] + left + 2, at[1] + top), label, fill=PAPER, font=font(SMALL_PX))


def _legend(draw: ImageDraw.ImageDraw, at: tuple[int, int]) -> None:
    x, y = at
    for colour, label in ((CALM, "P(fake) up to 0.30"), (DOUBT, "0.55"), (FLAG, "0.80 and more")):
        draw.rectangle((x, y, x + 12, y + 12), fill=colour)
        draw.text((x + 18, y + 6), label, fill=INK, font=font(SMALL_PX), anchor="lm")
        x += 18 + int(draw.textlength(label, font=font(SMALL_PX))) + 18


def _moment(seconds: float, *, clock: bool) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}" if clock else f"{seconds:.1f} s"


def _score_colour(score: float) -> Colour:
    row = score_colours(np.asarray([score], dtype=np.float32))[0]
    return int(row[0]), int(row[1]), int(row[2])


def _tint(colour: Colour) -> Colour:
    """Return the colour half-way to paper."""
    return (colour[0] + 255) // 2, (colour[1] + 255) // 2, (colour[2] + 255) // 2


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
