"""Histories: drawn without the label, lived through alike, and a film's frame is really encoded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.face import degrade
from training.face.data import SavedFace
from training.face.views import plan

PLAIN = degrade.History(eyes_px=None, filter=3, blur=None, noise=None, codec=(), drift_px=0, seed=1)


def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, 96)[None, :, None].repeat(96, 0).repeat(3, 2)
    return np.clip(ramp + rng.normal(0, 12, ramp.shape), 0, 255).astype(np.uint8)


def test_the_same_history_does_the_same_twice() -> None:
    history = degrade.draw(np.random.default_rng(4))
    first, second = (degrade.live(picture(), history, eyes_px=40)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_faces_are_reduced_to_the_drawn_size_and_never_enlarged() -> None:
    reduced, scale = degrade.live(picture(), replace(PLAIN, eyes_px=20.0), eyes_px=40)
    assert reduced.shape == (48, 48, 3)
    assert scale == pytest.approx(0.5)
    same, scale = degrade.live(picture(), replace(PLAIN, eyes_px=80.0), eyes_px=40)
    np.testing.assert_array_equal(same, picture())
    assert scale == 1.0


def test_films_lose_more_at_a_higher_rate_factor() -> None:
    losses = [np.abs(degrade.h264(picture(), crf=crf).astype(int) - picture()).mean() for crf in (18, 30, 40)]
    assert losses[0] < losses[1] < losses[2]
    assert losses[2] < 40


def test_histories_hold_films_and_photos() -> None:
    rng = np.random.default_rng(0)
    kinds = [kind for _ in range(300) for kind, _ in degrade.draw(rng).codec]
    assert {"h264", "jpeg", "webp"} == set(kinds)
    assert 0.4 < kinds.count("h264") / len(kinds) < 0.7


def face(label: int, clip: str, pair: str = "", kind: str = "video") -> SavedFace:
    return SavedFace("train", "s", clip, label, kind, pair or clip, "", 50.0, "85 100 139 100 112 131 90 162 135 162")


def test_a_view_plans_one_forgery_for_each_real_face_and_pairs_halves() -> None:
    rows = [
        face(0, "a", "frame"),
        face(1, "a", "frame", "swap"),
        face(0, "b"),
        face(0, "c", kind="photo"),
        face(1, "g", kind="synthetic"),
    ]
    jobs = plan(rows, np.random.default_rng(0))
    assert sorted(real for kind, real, _ in jobs if kind in ("self_blend", "swap", "reenact")) == [0, 2, 3]
    assert [(real, fake) for kind, real, fake in jobs if kind == "film_swap"] == [(0, 1)]
    assert [(real, fake) for kind, real, fake in jobs if kind == "synthetic"] == [(3, 4)]
    assert all(rows[real].clip != rows[fake].clip for kind, real, fake in jobs if kind == "swap" and fake != real)
