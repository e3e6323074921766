"""Sketches of sound: in bounded memory, the same however it is cut, and true to the sound."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.pooling import MaxPool
from forensics.media.spectrogram import BAND_HZ, MOST_BUCKETS, MOST_COLUMNS, ChannelSketch, RecordingSketch, Sketch
from forensics.media.speech_spans import SpeechSpans
from forensics.media.windows import CHUNK_SECONDS


def sine(seconds: float, hz: float, *, level: float = 0.5) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.asarray(level * np.sin(2 * np.pi * hz * time), dtype=np.float32)


def sketch(samples: Samples, *, size: int = 4000, column_s: float = 0.1) -> Sketch:
    drawn = ChannelSketch(column_s=column_s)
    for start in range(0, samples.size, size):
        drawn.push(samples[start : start + size])
    return drawn.close()


@pytest.mark.parametrize("sizes", [(1, 2, 3), (7,), (50,), (1,) * 50])
def test_pooling_is_the_same_however_rows_come(sizes: tuple[int, ...]) -> None:
    rows = np.random.default_rng(0).standard_normal((sum(sizes), 3)).astype(np.float32)
    pool, at = MaxPool(width=3, most=8), 0
    for size in sizes:
        pool.push(rows[at : at + size])
        at += size
    found = pool.columns()
    assert len(found) <= 8
    assert pool.per_column * len(found) >= len(rows) > pool.per_column * (len(found) - 1)
    for number, column in enumerate(found):
        part = rows[number * pool.per_column : (number + 1) * pool.per_column]
        np.testing.assert_array_equal(column, part.max(axis=0))


def test_pooling_takes_an_even_number_of_columns() -> None:
    with pytest.raises(ValueError, match="even"):
        MaxPool(width=1, most=7)


def test_a_tone_lies_in_its_band_when_it_sounds() -> None:
    found = sketch(np.concatenate([np.zeros(SAMPLE_RATE_HZ, np.float32), sine(2, 3000)]))
    assert found.column_s == pytest.approx(0.1)
    assert len(found.levels) == pytest.approx(30, abs=1)
    sounding = found.levels[12:28]
    assert (np.abs((sounding.argmax(axis=1) + 0.5) * BAND_HZ - 3000) <= BAND_HZ).all()
    assert sounding.max() == pytest.approx(-6, abs=1.5)  # dB of full scale, for a sine of amplitude 0.5
    assert found.levels[:9].max() < -100


def test_an_impulse_is_at_its_time() -> None:
    samples = np.zeros(5 * SAMPLE_RATE_HZ, np.float32)
    samples[3 * SAMPLE_RATE_HZ + 800] = 1.0  # 3.05 s
    found = sketch(samples)
    assert int(found.levels.max(axis=1).argmax()) == 30
    assert int(np.argmax(found.high) * found.bucket_s * 10) == 30


@pytest.mark.parametrize("size", [160, 1024, 70_000])
def test_the_sketch_is_the_same_however_the_sound_comes(size: int) -> None:
    samples = np.random.default_rng(1).standard_normal(3 * SAMPLE_RATE_HZ + 77).astype(np.float32)
    whole, cut = sketch(samples, size=samples.size), sketch(samples, size=size)
    np.testing.assert_allclose(cut.levels, whole.levels, atol=1e-3)
    np.testing.assert_array_equal(cut.low, whole.low)
    assert whole.high.max() == samples.max() and whole.low.min() == samples.min()


def test_an_hour_is_no_larger_than_a_minute() -> None:
    drawn = ChannelSketch(column_s=0.1)
    minute = sine(60, 440)
    for number in range(60):
        drawn.push(minute * (1.0 if number == 30 else 0.1))
    found = drawn.close()
    assert MOST_COLUMNS / 2 <= len(found.levels) <= MOST_COLUMNS
    assert MOST_BUCKETS / 2 <= len(found.high) <= MOST_BUCKETS
    assert len(found.levels) * found.column_s == pytest.approx(3600, abs=1.01 * found.column_s)
    loud = found.levels.max(axis=1) > -12
    assert np.flatnonzero(loud)[0] * found.column_s == pytest.approx(1800, abs=4)
    assert loud.sum() * found.column_s == pytest.approx(60, abs=8)


def test_short_sounds_and_none_at_all_are_drawn() -> None:
    assert sketch(sine(0.001, 440)).high.size == 1
    nothing = RecordingSketch(column_s=0.1).close(channel=0)
    assert nothing.high.size == 0 and nothing.levels.shape[0] <= 1


def test_speech_is_told_as_spans_and_short_pauses_belong_to_it() -> None:
    spans = SpeechSpans()
    flags = np.zeros(200, dtype=bool)
    flags[10:50] = flags[53:60] = flags[100:120] = True  # a pause of 0.1 s, then one of 1.3 s
    for start in range(0, 200, 7):
        spans.push(flags[start : start + 7])
    spans.push(flags[:0])
    expected = [(10 * CHUNK_SECONDS, 60 * CHUNK_SECONDS), (100 * CHUNK_SECONDS, 120 * CHUNK_SECONDS)]
    assert spans.spans() == tuple((pytest.approx(a, abs=0.006), pytest.approx(b, abs=0.006)) for a, b in expected)
