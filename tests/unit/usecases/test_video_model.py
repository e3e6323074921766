"""The shipped video model: its numbers are those of the scores that lie beside it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from forensics.domain.errors import ServiceUnavailable
from forensics.domain.video import ChunkResult
from forensics.domain.video_verdict import frames_detection
from forensics.settings import ModelSettings
from forensics.usecases.video_model import MODEL_DIRECTORY, read_video_model

MODELS = ModelSettings.from_env({}).models_dir
DOC = MODELS.parent / "docs" / "models" / "video.md"


def test_the_rates_are_those_of_the_measured_clips() -> None:
    model = read_video_model(MODELS)
    rows = json.loads((MODELS / MODEL_DIRECTORY / "metrics.json").read_text())
    scores: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        frames = [f for c in row["chunks"] for f in ChunkResult.from_json(c).frames]
        score = frames_detection(frames, model, latency_ms=0).score
        assert score is not None
        scores[row["fake"]].append(score)
    for mode in (model.normal, model.strict):
        above = {
            fake: sum(s >= mode.thresholds.synthetic for s in found) / len(found) for fake, found in scores.items()
        }
        assert above[False] == pytest.approx(mode.operating_point.fpr, abs=1e-3)
        assert above[True] == pytest.approx(mode.operating_point.recall, abs=1e-3)
        assert min(scores[True]) > mode.thresholds.authentic


def test_the_thresholds_are_in_order() -> None:
    model = read_video_model(MODELS)
    normal, strict = model.normal.thresholds, model.strict.thresholds
    assert 0 < strict.authentic <= normal.authentic < strict.synthetic <= normal.synthetic < 1
    assert model.spans.leave <= model.spans.enter
    assert 0 < model.upper_share <= 1 and math.isfinite(model.intercept) and model.slope > 0


def test_the_page_tells_the_shipped_thresholds() -> None:
    model, page = read_video_model(MODELS), DOC.read_text()
    for bound in (
        model.normal.thresholds.synthetic,
        model.strict.thresholds.synthetic,
        model.normal.thresholds.authentic,
    ):
        assert f"{bound:.4f}" in page


def test_a_missing_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="video/manifest"):
        read_video_model(tmp_path)
