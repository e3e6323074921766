"""The shipped maps of lips and voice: verified when read, and a mouth that opens with the voice agrees with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.detect.lip_sync import LEAST_TRACE_S, LipSync
from forensics.detect.onnx import ModelUnavailable
from forensics.domain.lip_sync import lip_sync
from forensics.media.audio import SAMPLE_RATE_HZ
from forensics.media.mouth import HEIGHT, WIDTH
from forensics.media.voice import VoiceMeter

MODELS = Path("models")
SECONDS = 12


@pytest.fixture(scope="module")
def maps() -> LipSync:
    return LipSync.load(MODELS)


@pytest.fixture(scope="module")
def loudness() -> NDArray[np.float64]:
    """How loud somebody is, 100 times a second: syllables of random length and strength."""
    rng = np.random.default_rng(11)
    level = np.zeros(SECONDS * 100)
    at = 20
    while at < len(level) - 40:
        length = int(rng.integers(12, 30))
        level[at : at + length] += rng.uniform(0.4, 1.0) * np.hanning(length)
        at += length + int(rng.integers(2, 20))
    return level


def voice(level: NDArray[np.float64]) -> NDArray[np.float64]:
    time = np.arange(SECONDS * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = sum(np.sin(2 * np.pi * 130 * n * time) / n for n in range(1, 20))
    loud = np.interp(time, np.arange(len(level)) / 100, level)
    meter = VoiceMeter()
    meter.push((0.1 * loud * tone).astype(np.float32))
    return meter.close()


def mouths(level: NDArray[np.float64], *, later_s: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """A dark gap between bright lips that opens as the voice gets loud, ten times a second."""
    times = np.arange(0, SECONDS - 2, 0.1)
    gap = np.interp(times - later_s, np.arange(len(level)) / 100, level)
    rows = np.abs(np.arange(HEIGHT) - HEIGHT / 2)[None, :, None]
    columns = np.abs(np.arange(WIDTH) - WIDTH / 2)[None, None, :]
    inside = (rows < 1 + 5 * gap[:, None, None]) & (columns < WIDTH / 4)
    return times, np.where(inside, 40.0, 150.0).astype(np.float32).reshape(len(times), -1)


def test_a_mouth_that_opens_with_the_voice_goes_with_it(maps: LipSync, loudness: NDArray[np.float64]) -> None:
    sound = maps.voice_trace(voice(loudness))
    own, late = (maps.lips_trace(*mouths(loudness, later_s=s)) for s in (0.0, 1.1))
    backwards = maps.lips_trace(*mouths(loudness[::-1].copy()))
    assert own and late and backwards and sound
    agreement, shifted, foreign = (lip_sync([trace], sound) for trace in (own, late, backwards))
    assert agreement is not None and shifted is not None and foreign is not None
    assert agreement > 0.1 > max(shifted, foreign)


def test_the_longest_stretch_without_a_gap_is_read(maps: LipSync, loudness: NDArray[np.float64]) -> None:
    times, seen = mouths(loudness)
    torn = np.where(np.arange(len(times)) < 30, times, times + 3.0)
    trace = maps.lips_trace(torn, seen)
    assert trace is not None and trace.start_s == pytest.approx(torn[30])
    assert maps.lips_trace(times[:5], seen[:5]) is None and times[4] < LEAST_TRACE_S
    assert maps.lips_trace(times[:1], seen[:1]) is None


def test_next_to_no_sound_is_no_voice(maps: LipSync) -> None:
    assert maps.voice_trace(np.zeros((5, 9))) is None


def test_maps_that_were_changed_are_refused(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "lips", tmp_path / "lips")
    with (tmp_path / "lips" / "maps.npz").open("ab") as handle:
        handle.write(b"x")
    with pytest.raises(ModelUnavailable):
        LipSync.load(tmp_path)
