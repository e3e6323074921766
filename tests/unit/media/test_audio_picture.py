"""The picture of a recording: what is flagged is red where it is, scores stand at their height, ticks are round."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.domain.scores import ScoredWindow, Segment
from forensics.domain.timeline import AudioTimeline, Waveform
from forensics.media.audio import SAMPLE_RATE_HZ
from forensics.media.audio_picture import (
    _FLAGS,
    _LEFT,
    _SCORES,
    _SOUND,
    _SPEECH,
    PLOT_PX,
    SIZE_PX,
    audio_png,
    score_per_pixel,
)
from forensics.media.plot import CALM, FLAG, time_label, time_ticks
from forensics.media.spectrogram import ChannelSketch


def timeline(
    seconds: float, *, windows: tuple[ScoredWindow, ...] = (), flagged: tuple[Segment, ...] = ()
) -> AudioTimeline:
    return AudioTimeline(
        duration_s=seconds,
        window_s=4.0,
        hop_s=2.0,
        model="audio-speech 1.0.0",
        threshold=0.7,
        windows=windows,
        segments=flagged,
        speech=((0.0, seconds / 2),),
        waveform=Waveform(0.02, (), ()),
    )


def drawn(line: AudioTimeline, *, hz: float = 2000, level: float = 0.3) -> np.ndarray:  # type: ignore[type-arg]
    sketch = ChannelSketch(column_s=0.1)
    time = np.arange(round(line.duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sketch.push((level * np.sin(2 * np.pi * hz * time)).astype(np.float32))
    with Image.open(io.BytesIO(audio_png(sketch.close(), line))) as image:
        assert image.size == SIZE_PX
        return np.asarray(image.convert("RGB")).astype(int)


def near(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(np.abs(pixels - np.array(colour)).max(axis=-1) < 24)


def test_a_flagged_span_is_red_where_it_is() -> None:
    picture = drawn(timeline(20, flagged=(Segment(5.0, 10.0, 0.93),)))
    red = near(picture[_FLAGS[0] + 2, _LEFT : _LEFT + PLOT_PX], FLAG)
    assert np.flatnonzero(red)[[0, -1]] == pytest.approx([PLOT_PX / 4, PLOT_PX / 2], abs=2)
    letters = picture[_FLAGS[0] : _FLAGS[1], _LEFT + 430 : _LEFT + 470]
    assert (letters.min(axis=-1) > 220).any()  # its score, in white


def test_speech_is_marked_and_a_tone_lies_at_its_frequency() -> None:
    picture = drawn(timeline(20), hz=2000)
    blue = near(picture[sum(_SPEECH) // 2, _LEFT : _LEFT + PLOT_PX], CALM)
    assert blue[: PLOT_PX // 2 - 2].all() and not blue[PLOT_PX // 2 + 2 :].any()
    column = picture[_SOUND[0] : _SOUND[1], _LEFT + 600].sum(axis=-1)
    khz = 8 * (1 - int(column.argmax()) / column.size)
    assert khz == pytest.approx(2.0, abs=0.1)


def test_scores_stand_at_their_height() -> None:
    picture = drawn(timeline(20, windows=(ScoredWindow(0, 10, 9, 0.2), ScoredWindow(10, 20, 9, 0.9))))
    lane = picture[_SCORES[0] : _SCORES[1]]
    calm, red = near(lane[:, _LEFT + 300], CALM).mean(), near(lane[:, _LEFT + 900], FLAG).mean()
    assert (calm, red) == (pytest.approx(0.2, abs=0.06), pytest.approx(0.9, abs=0.06))


def test_overlapping_windows_are_averaged_and_gaps_stay_empty() -> None:
    windows = (ScoredWindow(0, 4, 4, 0.2), ScoredWindow(2, 6, 4, 0.6))
    found = score_per_pixel(timeline(10, windows=windows), 10)
    np.testing.assert_allclose(found, [0.2, 0.2, 0.4, 0.4, 0.6, 0.6, *[np.nan] * 4], rtol=1e-6)


@pytest.mark.parametrize("seconds", [0.0, 0.004, 3599.0])
def test_any_length_is_drawn(seconds: float) -> None:
    many = tuple(Segment(2.0 * i, 2.0 * i + 1, 0.9) for i in range(int(seconds / 2)))
    sketch = ChannelSketch(column_s=0.1)
    with Image.open(io.BytesIO(audio_png(sketch.close(), timeline(seconds, flagged=many)))) as image:
        assert image.size == SIZE_PX


def test_silence_is_dark() -> None:
    picture = drawn(timeline(5), level=0.0)
    assert picture[_SOUND[0] + 5 : _SOUND[1] - 5, _LEFT + 5 : _LEFT + PLOT_PX - 5].max() < 40


@pytest.mark.parametrize(
    ("seconds", "last"), [(0.9, "0.9"), (10, "10"), (100, "100"), (119, "110"), (600, "10:00"), (3600, "60:00")]
)
def test_ticks_are_round_and_few(seconds: float, last: str) -> None:
    ticks = list(time_ticks(seconds, most=13))
    assert 4 <= len(ticks) <= 14
    assert (ticks[0][1] in ("0", "0:00"), ticks[-1][1]) == (True, last)
    assert ticks[-1][0] <= seconds


def test_times_are_seconds_or_a_clock() -> None:
    assert (time_label(2.5, clock=False), time_label(75, clock=True)) == ("2.5", "1:15")
