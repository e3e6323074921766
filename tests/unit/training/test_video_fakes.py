"""Fakes made of clips: what is forged, what stays as it was, and that sound and picture come back from the file."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="OpenCV comes with training/requirements.txt")

from forensics.domain.tracks import Face, FaceBox
from forensics.media.resampling import SAMPLE_RATE_HZ
from forensics.media.video import probe_video
from training.face.mesh import POINTS
from training.video.fakes import Studio, Take, encoded, reenact, self_blend, sound_of

SIDE, FPS, FRAMES = 160, 10.0, 12
LANDMARKS = ((70.0, 70.0), (90.0, 70.0), (80.0, 82.0), (72.0, 92.0), (88.0, 92.0))


class Finder:
    """Finds one face in the middle, but in no dark picture."""

    def detect(self, rgb: np.ndarray, *, most: int) -> tuple[Face, ...]:
        return (Face(FaceBox(60, 50, 40, 50), 0.9, LANDMARKS),) if rgb.mean() > 50 else ()


class Meshes:
    def find(self, rgb: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(0)
        return np.asarray(landmarks.mean(axis=0) + rng.normal(0, 8, (POINTS, 2)))


def take(*, sound: bool = True) -> Take:
    rng = np.random.default_rng(1)
    frames = [rng.integers(90, 160, (SIDE, SIDE, 3), dtype=np.uint8) for _ in range(FRAMES)]
    tone = np.sin(np.arange(round(FRAMES / FPS * SAMPLE_RATE_HZ)) / 5).astype(np.float32)
    return Take((*frames[:-1], np.zeros_like(frames[0])), FPS, tone if sound else None)


@pytest.mark.parametrize("forge", [self_blend, reenact])
def test_the_face_is_forged_and_nothing_around_it(forge: object) -> None:
    studio = Studio(Finder(), Meshes())
    plain, made = take(), studio.forged(take(), forge, seed=3)  # type: ignore[arg-type]
    assert all((a != b).any() for a, b in zip(plain.frames[:-1], made.frames[:-1], strict=True))
    np.testing.assert_array_equal(plain.frames[-1], made.frames[-1])  # no face, no forging
    for before, after in zip(plain.frames, made.frames, strict=True):
        np.testing.assert_array_equal(before[:25], after[:25])
    assert made.sound is not None and plain.sound is not None
    np.testing.assert_array_equal(made.sound, plain.sound)


def test_a_self_blend_is_drawn_anew_in_every_frame() -> None:
    still = Take((take().frames[0],) * 3, FPS, None)
    made = Studio(Finder(), Meshes()).forged(still, self_blend, seed=3).frames
    assert (made[0] != made[1]).any() and (made[1] != made[2]).any()


@pytest.mark.parametrize("sound", [True, False])
def test_a_take_comes_back_from_its_file(sound: bool) -> None:
    data = encoded(take(sound=sound))
    facts = probe_video(io.BytesIO(data)).facts
    assert (facts.width, facts.height, facts.has_audio) == (SIDE, SIDE, sound)
    assert facts.duration_s == pytest.approx(FRAMES / FPS, abs=0.15)
    heard = sound_of(data, 60.0)
    assert (heard is not None) is sound


def test_a_clip_always_encodes_to_the_same_bytes() -> None:
    """A soft picture that moves; whatever lies in memory beside it differs from one encoding to the next."""
    coarse = Image.fromarray(np.random.default_rng(4).integers(0, 256, (40, 30, 3), dtype=np.uint8))
    wide = np.asarray(coarse.resize((460, 640), Image.Resampling.BICUBIC))
    clip = Take(tuple(np.ascontiguousarray(wide[:, n : n + 338]) for n in range(100)), 30.0, None)
    found = set()
    for seed in range(8):
        draw = random.Random(seed)
        left_behind = [bytes(draw.randrange(1 << 10, 1 << 20)) for _ in range(draw.randrange(40))]
        np.random.default_rng(seed).integers(0, 255, 1 << 22, dtype=np.uint8)
        found.add(encoded(clip))
        del left_behind
    assert len(found) == 1
