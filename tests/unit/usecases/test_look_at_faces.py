"""The faces of one picture, looked at one by one."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.job import DetectOptions
from forensics.domain.picture_verdict import FACE_DECIDES
from forensics.domain.scores import OperatingMode, OperatingPoint, Region, Thresholds
from forensics.domain.signal_ranges import SignalRange
from forensics.domain.tracks import Face
from forensics.domain.verdict import Verdict
from forensics.media.face_crop import CROP_SIDE_PX
from forensics.usecases.analyse_image import AnalyseImage
from forensics.usecases.explain_image import faces_grid
from forensics.usecases.look_at_faces import LookAtFaces
from localcloud.demo import MEDIA
from tests.support.fakes import FakeDetector, FakeProvenance
from tests.unit.usecases.test_watch_faces import ANN, at, scene

PHOTO = (MEDIA / "photo.jpg").read_bytes()
MODES = [
    OperatingMode(Thresholds(*bounds), OperatingPoint(0.01, 0.5, "made up")) for bounds in ((0.88, 0.84), (0.84, 0.78))
]
TINY = at(300, 10, scale=0.1)


@dataclass
class Finder:
    faces: tuple[Face, ...]

    def detect(self, rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        return self.faces


@dataclass
class Scorer:
    logits: tuple[float, ...]
    name: str = "face"
    version: str = "1"
    normal: OperatingMode = MODES[0]
    strict: OperatingMode = MODES[1]
    seen: list[NDArray[np.uint8]] = field(default_factory=list)

    def score(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.seen.append(crops)
        return np.array(self.logits[: len(crops)])


def test_each_face_has_its_own_logit_and_small_ones_none() -> None:
    scorer = Scorer((1.5, -0.5))
    found = LookAtFaces(Finder((at(10, 10), TINY, at(400, 60))), scorer)(scene((ANN, 10, 10)))
    assert [face.logit for face in found.faces] == [1.5, None, -0.5]
    assert [crops.shape for crops in scorer.seen] == [(2, CROP_SIDE_PX, CROP_SIDE_PX, 3)]
    assert found.score == pytest.approx(1 / (1 + np.exp(-1.5)))


def test_without_faces_the_model_does_not_run() -> None:
    scorer = Scorer((1.5,))
    found = LookAtFaces(Finder(()), scorer)(scene())
    assert (found.faces, found.score, scorer.seen) == ((), None, [])


RANGES = {
    "skin_texture": SignalRange(5.0, 9.0, "smooth", "natural", "rough", "Skin."),
    "unknown": SignalRange(0, 1, "", "", "", ""),
}


def test_the_largest_face_is_described_when_there_is_a_range() -> None:
    look = LookAtFaces(Finder((at(10, 10, scale=1.0), at(400, 60))), Scorer((0.0, 0.0)), RANGES)
    analysis = AnalyseImage(FakeDetector(), FakeProvenance(), look_at_faces=look)(PHOTO, DetectOptions())
    (skin,) = [signal for signal in analysis.detection.signals if signal.name == "skin_texture"]
    assert (skin.value, skin.score) == ("smooth", 1.0)
    assert "largest faces of real photographs" in skin.what
    assert LookAtFaces(Finder((at(10, 10),)), Scorer((0.0,)))(scene((ANN, 10, 10))).signals == ()


def test_a_small_face_is_not_described() -> None:
    assert LookAtFaces(Finder((TINY,)), Scorer(()), RANGES)(scene()).signals == ()


@pytest.mark.parametrize(("logit", "verdict"), [(3.0, Verdict.MANIPULATED), (0.0, Verdict.AUTHENTIC)])
def test_the_picture_is_judged_with_its_faces(logit: float, verdict: Verdict) -> None:
    look = LookAtFaces(Finder((at(10, 10),)), Scorer((logit,)))
    analysis = AnalyseImage(FakeDetector(), FakeProvenance(), look_at_faces=look)(PHOTO, DetectOptions())
    assert analysis.decision.verdict is verdict
    assert (FACE_DECIDES in analysis.decision.reasons) is (verdict is Verdict.MANIPULATED)
    assert "faces" in analysis.timings_ms


def test_the_heat_map_is_of_the_model_that_decides() -> None:
    for logit, model in ((3.0, "face-crops 1"), (0.0, "fake-model 1")):
        look = LookAtFaces(Finder((at(10, 10),)), Scorer((logit,)))
        analysis = AnalyseImage(FakeDetector(), FakeProvenance(), look_at_faces=look)(
            PHOTO, DetectOptions(explain=True)
        )
        with Image.open(io.BytesIO(analysis.artifacts[0].data)) as heat:
            assert heat.text["Model"] == model  # type: ignore[attr-defined]
            grey = np.asarray(heat)
        if model.startswith("face"):
            assert grey[80, 80] > 200 and grey[-5, -5] == 0


def test_a_face_beyond_the_edge_is_drawn_as_far_as_it_is_seen() -> None:
    faces = (Region(-50, -50, 100, 100, 0.9), Region(90, 90, 100, 100, 0.5))
    grid = faces_grid(faces, width=100, height=50)
    assert grid.shape == (32, 64)
    assert grid[0, 0] == np.float32(0.9) and grid[-1, -1] == 0
