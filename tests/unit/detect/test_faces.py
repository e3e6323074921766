"""The face detector: arithmetic of its answers on a made network, and real faces where the network was fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from forensics.detect.encoders import EncoderMissing
from forensics.detect.faces import ENCODER, FaceDetector, _distinct, _faces
from forensics.domain.tracks import Face, FaceBox
from forensics.media.image import decode_image
from forensics.settings import ModelSettings
from localcloud.emulator import ROOT

PORTRAIT = ROOT / "examples/media/portrait.jpg"


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    settings = ModelSettings.from_env()
    try:
        return FaceDetector.load(settings.models_dir, settings.encoders_dir)
    except EncoderMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    return decode_image(PORTRAIT.read_bytes()).rgb


def face(x: float, y: float, w: float = 10, h: float = 10, *, score: float = 0.9) -> Face:
    points = tuple((x + w * a, y + h * b) for a, b in [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])
    return Face(FaceBox(x, y, w, h), score, points)


def answers(rows: Sequence[tuple[int, int, float]]) -> tuple[NDArray[np.float32], ...]:
    """The network's four maps of 8 x 8 with peaks of boxes 16 high and 8 wide, landmarks in the middle of the box."""
    heat, size = np.zeros((8, 8), np.float32), np.zeros((2, 8, 8), np.float32)
    landmarks = np.full((10, 8, 8), 0.5, np.float32)
    size[0], size[1] = np.log(4), np.log(2)
    for row, column, score in rows:
        heat[row, column] = score
    return heat, size, np.zeros((2, 8, 8), np.float32), landmarks


def test_a_peak_is_a_box_around_its_cell_in_pixels_of_the_picture() -> None:
    (found,) = _faces(*answers([(3, 2, 0.8), (5, 5, 0.4)]), np.array([2.0, 10.0]))
    assert found.box == FaceBox(pytest.approx(12), pytest.approx(60), pytest.approx(16), pytest.approx(160))
    assert found.score == pytest.approx(0.8)
    assert found.landmarks == ((pytest.approx(20), pytest.approx(140)),) * 5


def test_the_surest_come_first_and_doubles_go() -> None:
    found = list(_faces(*answers([(1, 1, 0.6), (3, 1, 0.9), (6, 6, 0.7)]), np.ones(2)))
    assert [round(f.score, 1) for f in found] == [0.9, 0.7, 0.6]
    assert [round(f.score, 1) for f in _distinct(found)] == [0.9, 0.7]


def test_boxes_overlap_by_what_they_share() -> None:
    box = FaceBox(0, 0, 10, 10)
    assert box.overlap(box) == 1.0
    assert box.overlap(FaceBox(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert box.overlap(FaceBox(20, 20, 10, 10)) == 0.0


def test_a_missing_network_names_the_remedy(tmp_path: Path) -> None:
    models = ModelSettings.from_env().models_dir
    with pytest.raises(EncoderMissing, match=rf"{ENCODER}.*make setup"):
        FaceDetector.load(models, tmp_path)


def test_one_portrait_has_one_face_with_eyes_above_the_mouth(
    detector: FaceDetector, portrait: NDArray[np.uint8]
) -> None:
    (found,) = detector.detect(portrait)
    left, right, nose, left_mouth, right_mouth = found.landmarks
    assert left[0] < nose[0] < right[0] and left_mouth[0] < right_mouth[0]
    assert max(left[1], right[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert 0.25 < found.eye_distance / found.box.w < 0.65


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.5])
def test_the_same_face_is_found_in_another_size(
    detector: FaceDetector, portrait: NDArray[np.uint8], factor: float
) -> None:
    (whole,) = detector.detect(portrait)
    size = (round(portrait.shape[1] * factor), round(portrait.shape[0] * factor))
    (found,) = detector.detect(np.asarray(Image.fromarray(portrait).resize(size, Image.Resampling.BICUBIC)))
    off = np.array(found.landmarks) / factor - np.array(whole.landmarks)
    assert np.abs(off).max() < 0.1 * whole.eye_distance


def test_a_face_is_followed_and_lost(detector: FaceDetector, portrait: NDArray[np.uint8]) -> None:
    (found,) = detector.detect(portrait)
    moved = np.roll(portrait, round(0.15 * found.box.w), axis=1)
    followed = detector.follow(moved, found)
    assert followed is not None
    assert followed.landmarks[2][0] - found.landmarks[2][0] == pytest.approx(0.15 * found.box.w, abs=0.05 * found.box.w)
    assert detector.follow(np.full_like(portrait, 90), found) is None


def test_grey_has_no_face(detector: FaceDetector) -> None:
    assert detector.detect(np.full((90, 160, 3), 128, np.uint8)) == ()
