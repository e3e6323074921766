"""The image detector around tiny networks: fusion, guards, regions, errors. No encoder is needed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.detect.image import LOOKS_ALTERED, ImageDetector, StageResult, guard_reasons, stage_views
from forensics.detect.manifest import Guards, ModelManifest, StageSpec, load_manifest, verify_file
from forensics.detect.onnx import Array, ModelUnavailable
from forensics.detect.signals import SignalRanges
from forensics.domain.evidence import Provenance
from forensics.domain.scores import OperatingMode, OperatingPoint, Thresholds
from forensics.domain.verdict import Verdict, decide
from forensics.media.tensors import Box, Normalisation
from forensics.settings import ModelSettings

NORM = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
SQUARE = StageSpec("whole", Path("w.onnx"), "square", 32, 1, NORM, None, slope=2.0, intercept=1.0, weight=1.0)
CROPS = replace(SQUARE, name="crops", view="crops", most=4)
MODE = OperatingMode(Thresholds(0.8, 0.3), OperatingPoint(0.02, 0.5, "nothing: a test"))
GUARDS = Guards(smallest_side_px=40, largest_distance=2.0, flattest_std=1.0, largest_disagreement=0.5)
GREY = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)


class FakeNetwork:
    """Answers like a network: the given logit for every view, hottest in the upper left patch."""

    inputs: Mapping[str, object] = {"pixels": ()}

    def __init__(self, logit: float, *, distance: float = 0.0, altered: float | None = None) -> None:
        self.logit, self.distance, self.altered = logit, distance, altered

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        count = feeds["pixels"].shape[0]
        patches = np.full((count, 4, 4), self.logit, dtype=np.float32)
        patches[:, 0, 0] += 3
        full = np.full(count, self.logit, dtype=np.float32)
        answer = {"logit": full, "patches": patches, "distance": np.full(count, self.distance, dtype=np.float32)}
        return answer if self.altered is None else answer | {"altered": np.full(count, self.altered, dtype=np.float32)}


def detector(*logits: float, distance: float = 0.0, altered: float | None = None) -> ImageDetector:
    specs = tuple(replace(SQUARE, name=f"net{n}", weight=1 / len(logits)) for n in range(len(logits)))
    manifest = ModelManifest("image", "0.0.1", "none", specs, 0.0, MODE, MODE, GUARDS, None)
    networks = {
        spec.name: FakeNetwork(logit, distance=distance, altered=altered)
        for spec, logit in zip(specs, logits, strict=True)
    }
    return ImageDetector(manifest, networks, {}, SignalRanges({}))  # type: ignore[arg-type]


def test_score_is_the_calibrated_logit() -> None:
    found = detector(0.5).detect(GREY)
    assert found.score == pytest.approx(1 / (1 + np.exp(-(2 * 0.5 + 1))))
    assert found.models[0].name == "image-net0" and found.models[0].score == pytest.approx(found.score)


@pytest.mark.parametrize(
    ("logit", "altered", "verdict"),
    [
        (2.0, 0.6, Verdict.MANIPULATED),
        (2.0, 0.4, Verdict.SYNTHETIC),
        (2.0, None, Verdict.SYNTHETIC),
        (-2.0, 0.9, Verdict.AUTHENTIC),
    ],
)
def test_the_louder_voice_names_what_was_done(logit: float, altered: float | None, verdict: Verdict) -> None:
    found = detector(logit, altered=altered).detect(GREY)
    decision = decide(found, Provenance(), strict=False)
    assert decision.verdict is verdict
    assert (LOOKS_ALTERED in decision.reasons) is (verdict is Verdict.MANIPULATED)


def test_regions_point_at_the_hottest_patch_and_only_when_it_leans_fake() -> None:
    first = detector(2.0).detect(GREY).regions[0]
    square = Box(15, 0, 60, 60)  # the centre square of 90 x 60
    assert (first.x, first.y) <= (square.x + 15, square.y + 15)
    assert first.x + first.w <= 90 and first.y + first.h <= 60
    assert detector(-2.0).detect(GREY).regions == ()


def test_heatmap_covers_the_picture() -> None:
    heat = detector(0.0).heatmap(GREY)
    assert heat.shape == (19, 28) and heat.dtype == np.float32
    assert heat[0, 5] > heat[18, 20]


def test_models_that_contradict_each_other_are_reported() -> None:
    assert detector(2.0, -3.0).detect(GREY).reasons == ("models_disagree",)


def test_unlike_flat_and_small_pictures_are_guarded() -> None:
    assert detector(2.0, distance=9.0).detect(GREY).reasons == ("out_of_distribution",)
    assert detector(2.0).detect(np.full((60, 90, 3), 200, dtype=np.uint8)).reasons == ("out_of_distribution",)
    assert detector(2.0).detect(GREY[:20]).reasons == ("low_resolution",)


def test_guards_of_two_kinds_are_all_named() -> None:
    result = StageResult(SQUARE, 0.0, np.zeros((1, 2, 2), np.float32), (Box(0, 0, 9, 9),), 9.0, None, 0.0, 1)
    assert guard_reasons(GREY[:9], [result], GUARDS) == ("low_resolution", "out_of_distribution")


def test_a_tiny_picture_is_scored_without_an_error() -> None:
    found = detector(0.0).detect(np.zeros((1, 1, 3), dtype=np.uint8))
    assert found.score is not None and "low_resolution" in found.reasons


def test_views_are_inside_the_picture() -> None:
    views, boxes = stage_views(GREY, CROPS)
    assert views.shape == (len(boxes), 32, 32, 3) and len(boxes) == 4
    assert all(b.x + b.w <= 90 and b.y + b.h <= 60 for b in boxes)
    assert stage_views(GREY, SQUARE)[0].shape == (1, 32, 32, 3)


def test_a_missing_encoder_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    models = ModelSettings.from_env({}).models_dir
    with pytest.raises(ModelUnavailable, match=r"clip_vit_b16_int8.onnx.*make setup"):
        ImageDetector.load(models, tmp_path)


def test_a_missing_manifest_and_a_changed_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"manifest\.toml"):
        load_manifest(tmp_path)
    changed = tmp_path / "m.onnx"
    changed.write_bytes(b"x")
    with pytest.raises(ModelUnavailable, match="checksum"):
        verify_file(changed, sha256="0" * 64)


def test_the_committed_manifest_is_sound() -> None:
    manifest = load_manifest(ModelSettings.from_env({}).models_dir / "image")
    for mode in (manifest.normal, manifest.strict):
        assert 0 < mode.thresholds.authentic <= mode.thresholds.synthetic < 1
        assert 0 <= mode.operating_point.fpr <= 0.06 and mode.operating_point.recall > 0.2
    assert manifest.strict.thresholds.synthetic <= manifest.normal.thresholds.synthetic
