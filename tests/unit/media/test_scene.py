"""Colours tell scenes apart: made ones here, and how far the data set's clips lie from each other and from themselves."""

from __future__ import annotations

import io
from itertools import combinations, pairwise

import numpy as np
import pytest

from forensics.domain.cuts import CUT_DISTANCE, FrameLook, cuts, distance
from forensics.media.scene import colours_of
from forensics.media.video import probe_video
from forensics.media.video_frames import show_frames
from tests.support.dataset import data_root

RED = colours_of(np.full((90, 160, 3), (200, 20, 20), np.uint8))
BLUE = colours_of(np.full((2160, 3840, 3), (20, 20, 200), np.uint8))


def test_the_same_colours_are_no_distance_apart_and_others_one() -> None:
    assert distance(RED, RED) == pytest.approx(0.0, abs=1e-6)
    assert distance(RED, BLUE) == 1.0
    assert len(RED) == 128


def test_a_frame_smaller_than_the_grid_has_colours_too() -> None:
    assert distance(colours_of(np.full((1, 2, 3), (200, 20, 20), np.uint8)), RED) == pytest.approx(0.0, abs=1e-6)


def test_noise_hardly_counts() -> None:
    rng = np.random.default_rng(0)
    ramp = np.tile(np.linspace(0, 255, 320), (240, 1))[..., None].repeat(3, axis=2)
    noisy = [np.clip(ramp + rng.normal(0, 4, ramp.shape), 0, 255).astype(np.uint8) for _ in range(2)]
    assert distance(colours_of(noisy[0]), colours_of(noisy[1])) < CUT_DISTANCE / 3


def test_a_cut_lies_at_the_keyframe_between_two_scenes_else_halfway() -> None:
    first, second = FrameLook(2.0, 0.0, RED), FrameLook(3.0, 2.4, BLUE)
    assert cuts([second, first]) == (2.4,)
    assert cuts([first, FrameLook(3.0, 0.0, BLUE)]) == (2.5,)
    assert cuts([first, FrameLook(3.0, None, BLUE), FrameLook(4.0, 3.5, BLUE)]) == (2.5,)
    assert cuts([first, FrameLook(3.0, 2.4, RED)]) == () == cuts([])


@pytest.mark.dataset
@pytest.mark.slow
def test_clips_lie_further_from_each_other_than_from_themselves() -> None:
    clips = []
    for path in sorted((data_root() / "video").rglob("*.mp4")):
        source = io.BytesIO(path.read_bytes())
        seconds = np.arange(0.0, probe_video(source).facts.duration_s - 0.1, 1.0)
        clips.append([colours_of(shown.rgb) for shown in show_frames(source, [float(s) for s in seconds])])
    within = [distance(a, b) for looks in clips for a, b in pairwise(looks)]
    across = [distance(a[0], b[-1]) for a, b in combinations(clips, 2)]
    low, high = max(within), float(np.quantile(across, 0.05))
    print(f"\n{len(clips)} clips: a second apart at most {low:.2f}; two clips in 95 % over {high:.2f}")  # noqa: T201
    assert low < CUT_DISTANCE and np.mean(np.array(across) > CUT_DISTANCE) > 0.9
