"""A video's pictures: what is flagged is red where it is, every frame has its place, and any shape of video fits."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.scores import Region, Segment
from forensics.domain.video_timeline import Lane, ScoredSpan, VideoTimeline
from forensics.media.film_picture import (
    _FIRST_ROW,
    _LEFT,
    LONG_PX,
    MOST_TILES,
    PLOT_PX,
    SHORT_PX,
    Tile,
    contact_sheet_png,
    thumbnail,
    timeline_png,
)
from forensics.media.plot import CALM, DOUBT, FLAG, PAPER, Colour

GREEN = (20, 160, 20)


def opened(png: bytes) -> NDArray[np.int64]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(np.int64)


def near(pixels: NDArray[np.int64], colour: Colour) -> NDArray[np.bool_]:
    return np.asarray(np.abs(pixels - np.array(colour)).max(axis=-1) < 24)


def differing(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pixels that differ by more than their two palettes."""
    return np.asarray(np.abs(one - other).max(axis=-1) > 60)


def lane(*scores: float, seconds: float = 20.0) -> Lane:
    step = seconds / max(1, len(scores))
    return Lane("some-model 1", 0.8, tuple(ScoredSpan(i * step, (i + 1) * step, s) for i, s in enumerate(scores)))


def timeline(**changes: object) -> VideoTimeline:
    made = {"duration_s": 20.0, "frames": lane(0.1, 0.9), "sound": None, "segments": (), "cuts": (), "uncovered": ()}
    return VideoTimeline(**{**made, **changes})  # type: ignore[arg-type]


def test_a_flagged_span_is_red_where_it_is() -> None:
    picture = opened(timeline_png(timeline(segments=(Segment(5.0, 10.0, 0.9, "frame"),))))
    red = near(picture[_FIRST_ROW + 2, _LEFT : _LEFT + PLOT_PX], FLAG)
    assert red[PLOT_PX // 4 + 3 : PLOT_PX // 2 - 3].all()
    assert not red[: PLOT_PX // 4 - 3].any() and not red[PLOT_PX // 2 + 3 :].any()


def test_faces_stand_above_the_frames() -> None:
    picture = opened(timeline_png(timeline(frames=lane(0.1), face_scores=lane(0.9))))
    column = picture[:, _LEFT + PLOT_PX // 2]
    assert np.flatnonzero(near(column, FLAG)).max() < np.flatnonzero(near(column, CALM)).min()


def test_every_kind_and_every_model_has_a_lane() -> None:
    low = opened(timeline_png(timeline()))
    kinds = tuple(Segment(1.0, 2.0, 0.9, kind) for kind in ("face", "frame", "audio"))
    high = opened(timeline_png(timeline(segments=kinds, sound=lane(0.5))))
    assert high.shape[1] == low.shape[1] and high.shape[0] > low.shape[0] + 100


def test_scores_stand_at_their_height_in_their_colour() -> None:
    picture = opened(timeline_png(timeline()))
    left, right = (picture[:, _LEFT + PLOT_PX * n // 4] for n in (1, 3))
    assert near(left, CALM).sum() == pytest.approx(11, abs=3)  # a tenth of a lane
    assert near(right, FLAG).sum() > 80


def test_what_was_not_analysed_is_left_blank() -> None:
    picture = opened(timeline_png(timeline(frames=lane(0.9), uncovered=((5.0, 15.0),))))
    assert near(picture[:, _LEFT + PLOT_PX // 8], FLAG).sum() > 80
    assert near(picture[:, _LEFT + PLOT_PX // 2], FLAG).sum() == 0
    assert near(picture[:, _LEFT + PLOT_PX // 4 + 1], DOUBT).sum() > 80


def test_a_cut_crosses_all_lanes() -> None:
    plain, cut = (opened(timeline_png(timeline(frames=lane(), cuts=cuts))) for cuts in ((), (10.0,)))
    differs = np.flatnonzero(differing(plain, cut)[_FIRST_ROW:].any(axis=0))
    assert set(differs.tolist()) <= set(range(_LEFT + PLOT_PX // 2 - 2, _LEFT + PLOT_PX // 2 + 2)) and differs.size


@pytest.mark.parametrize("seconds", [0.0, 0.04, 90.0, 1800.0])
def test_any_length_is_drawn(seconds: float) -> None:
    made = timeline(duration_s=seconds, frames=lane(0.3, 0.9, seconds=seconds), segments=(Segment(0, seconds, 0.9),))
    assert opened(timeline_png(made)).shape[1] > PLOT_PX


@pytest.mark.parametrize("size", [(3840, 2160), (720, 1280), (64, 64), (8000, 20), (3, 900), (1, 1)])
def test_frames_of_any_shape_fit(size: tuple[int, int]) -> None:
    small = thumbnail(np.full((size[1], size[0], 3), GREEN, np.uint8))
    assert max(small.shape[:2]) <= LONG_PX and min(small.shape[:2]) <= SHORT_PX
    assert (small == GREEN).all()


def tile(score: float, *, boxes: tuple[Region, ...] = (), flagged: bool = False) -> Tile:
    return Tile(1.0, thumbnail(np.full((480, 640, 3), GREEN, np.uint8)), score, flagged, (640, 480), boxes)


def test_frames_wear_the_colour_of_their_scores() -> None:
    sheet = opened(contact_sheet_png([tile(0.95), tile(0.1)], duration_s=2, looked_at=9, model="some-model 1"))
    middle = sheet[sheet.shape[0] // 2]
    red, blue, green = (np.flatnonzero(near(middle, c)) for c in (FLAG, CALM, GREEN))
    assert red.max() < blue.min() and green.size == pytest.approx(2 * LONG_PX, abs=2)


def test_boxes_stay_inside_their_frames() -> None:
    boxes = (Region(100, 100, 200, 300, 0.95), Region(-50, -50, 120, 120, 0.9), Region(600, 440, 400, 400, 0.9))
    bare, boxed = (
        opened(contact_sheet_png([tile(0.1, boxes=b)], duration_s=2, looked_at=1, model="some-model 1"))
        for b in ((), boxes)
    )
    differs = differing(bare, boxed)
    assert near(boxed, FLAG)[differs].sum() > 300
    assert near(bare, GREEN)[differs].all()


def test_a_full_sheet_and_an_empty_one() -> None:
    for count in (0, 1, MOST_TILES):
        tiles = [tile(0.5, flagged=True)] * count
        sheet = opened(contact_sheet_png(tiles, duration_s=999, looked_at=48, model="some-model 1"))
        assert near(sheet, PAPER)[:, :8].all() and near(sheet, PAPER)[-4:].all()
