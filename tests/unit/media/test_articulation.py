"""Mouth and voice as numbers over time: cut out where they are, the same however the sound arrives, still when nothing moves."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.media.articulation import CONTEXT, HZ, moving, with_context
from forensics.media.audio import SAMPLE_RATE_HZ
from forensics.media.face_crop import CANONICAL
from forensics.media.mouth import HEIGHT, HIGH, LEFT, TOP, WIDE, WIDTH, mouth_moving, mouth_of
from forensics.media.voice import COSINES, VoiceMeter

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_mouth_is_cut_out_whatever_the_size_of_the_face(scale: float) -> None:
    side = round(260 * scale)
    rgb = np.full((side, side, 3), 200, dtype=np.uint8)
    top, bottom = ((TOP + HIGH / 4) * scale, (TOP + HIGH / 2) * scale)
    left, right = (LEFT * scale, (LEFT + WIDE / 2) * scale)
    rgb[round(top) : round(bottom), round(left) : round(right)] = 20
    mouth = mouth_of(rgb, CANONICAL * scale).reshape(HEIGHT, WIDTH)
    assert mouth[HEIGHT // 4 + 1 : HEIGHT // 2 - 1, 1 : WIDTH // 2 - 1].max() < 40
    assert min(mouth[: HEIGHT // 4 - 1].min(), mouth[HEIGHT // 2 + 1 :].min(), mouth[:, WIDTH // 2 + 1 :].min()) > 180


def test_a_mouth_at_the_edge_of_the_picture_repeats_the_edge() -> None:
    rgb = np.full((150, 150, 3), 90, dtype=np.uint8)
    assert mouth_of(rgb, CANONICAL).tolist() == [90.0] * (WIDTH * HEIGHT)
    with pytest.raises(ValueError, match="one point"):
        mouth_of(rgb, np.zeros((5, 2)))


def test_mouths_seen_ten_times_a_second_become_an_even_row() -> None:
    times = np.arange(0, 4, 0.1) + RNG.uniform(0, 0.02, 40)
    opening = np.sin(2 * np.pi * 2.0 * times)[:, None] * np.ones(WIDTH * HEIGHT)
    lips = mouth_moving(times, opening)
    assert lips.shape == (int((times[-1] - times[0]) * HZ) + 1, WIDTH * HEIGHT)
    expected = np.sin(2 * np.pi * 2.0 * (times[0] + np.arange(len(lips)) / HZ))
    assert np.corrcoef(lips[15:-15, 0], expected[15:-15])[0, 1] > 0.97


def test_what_changes_slowly_is_left_out() -> None:
    slow = np.linspace(0, 1, 200)[:, None]
    fast = 0.1 * np.sin(np.arange(200) * 2 * np.pi * 4 / HZ)[:, None]
    assert np.corrcoef(moving(slow + fast)[20:-20, 0], fast[20:-20, 0])[0, 1] > 0.99
    assert with_context(fast).shape == (200, 2 * CONTEXT + 1)
    assert np.array_equal(with_context(fast)[50], fast[50 - CONTEXT : 51 + CONTEXT, 0])


def test_the_voice_is_the_same_however_its_blocks_are_cut() -> None:
    sound = (RNG.normal(0, 0.1, 3 * SAMPLE_RATE_HZ) * (1 + np.sin(np.arange(3 * SAMPLE_RATE_HZ) / 800))).astype(
        np.float32
    )
    whole, parts = VoiceMeter(), VoiceMeter()
    whole.push(sound)
    for block in np.split(sound, [7, 400, 401, 9000, 30_000]):
        parts.push(block)
    assert whole.close().shape[1] == COSINES + 1 and abs(len(whole.close()) - 3 * HZ) <= 1
    np.testing.assert_allclose(parts.close(), whole.close(), atol=1e-4)


def test_too_little_sound_is_no_voice() -> None:
    meter = VoiceMeter()
    assert meter.close().shape == (0, COSINES + 1)
    meter.push(np.zeros(50, dtype=np.float32))
    assert len(meter.close()) == 0
    meter.push(np.zeros(SAMPLE_RATE_HZ, dtype=np.float32))
    assert np.isfinite(meter.close()).all()
