"""What is measured of a face from moment to moment: each number answers to its own cause alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forensics.media.face_crop import CANONICAL, CROP_SIDE_PX
from forensics.media.face_measures import FaceMoment, likeness_of, measure_face
from forensics.media.face_motion import Moment, measure_motion

RNG = np.random.default_rng(3)
CALM = FaceMoment(brightness=120.0, around=80.0, grain=2.0, eyes=0.3, mouth=0.1, likeness=tuple(range(64)))


def moments(change: Callable[[int], dict[str, object]], *, count: int = 40, step_s: float = 0.1) -> list[Moment]:
    return [Moment(n * step_s, _points(n), FaceMoment(**{**vars(CALM), **change(n)})) for n in range(count)]


def _points(n: int) -> tuple[tuple[float, float], ...]:
    return tuple((float(x) + 3 * n, float(y)) for x, y in CANONICAL)  # walks through the picture


def test_a_calm_face_that_moves_measures_nothing() -> None:
    found = measure_motion(moments(lambda n: {}))
    assert found.seconds == pytest.approx(3.9)
    assert (found.flicker, found.landmark_jitter, found.blinks) == (0.0, pytest.approx(0, abs=1e-9), 0)
    assert found.identity_drift == pytest.approx(0.0, abs=1e-4)


def test_too_few_moments_measure_nothing_at_all() -> None:
    found = measure_motion(moments(lambda n: {}, count=4))
    assert (found.flicker, found.landmark_jitter, found.blinks, found.identity_drift) == (None,) * 4
    apart = measure_motion(moments(lambda n: {}, step_s=0.5))
    assert (apart.seconds, apart.flicker, apart.blinks) == (0, None, None)


def test_a_face_that_flickers_against_its_surroundings_is_told() -> None:
    flickers = measure_motion(moments(lambda n: {"brightness": 120.0 * (1.05 if n % 2 else 1.0)}))
    lamp = measure_motion(
        moments(lambda n: {k: getattr(CALM, k) * (1.05 if n % 2 else 1.0) for k in ("brightness", "around")})
    )
    assert flickers.flicker == pytest.approx(0.048, abs=0.003)
    assert lamp.flicker == pytest.approx(0.0, abs=0.001)


def test_landmarks_that_tremble_apart_are_told_in_eye_distances() -> None:
    calm = moments(lambda n: {})
    shaken = [Moment(m.time_s, tuple((x + float(RNG.normal(0, 2)), y) for x, y in m.landmarks), m.seen) for m in calm]
    together = [
        Moment(m.time_s, tuple((x, y + 5.0 * (n % 2)) for x, y in m.landmarks), m.seen) for n, m in enumerate(calm)
    ]
    jitter = measure_motion(shaken).landmark_jitter
    assert jitter is not None and 0.01 < jitter < 0.06
    assert measure_motion(together).landmark_jitter == pytest.approx(0.0, abs=1e-9)


def test_blinks_are_short_dips() -> None:
    twice = measure_motion(moments(lambda n: {"eyes": 0.1 if n in (8, 9, 25) else 0.3}))
    asleep = measure_motion(moments(lambda n: {"eyes": 0.1 if 8 <= n < 20 else 0.3}))
    assert (twice.blinks, asleep.blinks) == (2, 0)


def test_a_face_that_becomes_another_drifts() -> None:
    other = tuple(int(v) for v in RNG.permutation(64))
    found = measure_motion(moments(lambda n: {"likeness": other if n > 20 else CALM.likeness}))
    assert found.identity_drift is not None and found.identity_drift > 0.1


def test_a_crop_measures_light_eyes_and_mouth() -> None:
    crop = np.full((CROP_SIDE_PX, CROP_SIDE_PX, 3), 150, np.uint8)
    flat = measure_face(crop)
    assert (flat.brightness, flat.around, flat.grain) == (
        pytest.approx(150),
        pytest.approx(150),
        pytest.approx(0, abs=1e-4),
    )
    assert (flat.eyes, flat.mouth) == (pytest.approx(0, abs=1e-4), 0.0)
    crop[95:105, 80:90] = 20
    crop[95:105, 134:144] = 20
    crop[160:180, 95:130] = 20
    seen = measure_face(crop)
    assert seen.eyes > 0.2 and 0.2 < seen.mouth < 0.35
    assert likeness_of(crop) == seen.likeness and len(seen.likeness) == 64
