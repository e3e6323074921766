"""Thresholds of films: the models' own, raised where real clips lie above them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from forensics.domain.tracks import Face, FaceBox, FaceLook, FacePiece, FacesSeen
from forensics.domain.video import ChunkResult, VideoPlan
from training.video.clips import Clip
from training.video.manifest import above, cut_again, face_modes, frame_modes

OWN = "[operating.normal]\nsynthetic = 0.80\nauthentic = 0.2\n[operating.strict]\nsynthetic = 0.70\nauthentic = 0.2\n"


def clip(logit: float, *, fake: bool = False) -> Clip:
    face = Face(FaceBox(0.0, 0.0, 50.0, 50.0), 0.9, ((0.0, 0.0),) * 5)
    looks = tuple(FaceLook(float(n), face.box, face.landmarks, logit) for n in range(4))
    seen = FacesSeen(4, (FacePiece(looks, (), None),), ("face", "1"), 0)
    return Clip("a", fake, "source", VideoPlan.__new__(VideoPlan), (ChunkResult(0, (), 4.0, faces=seen),), None, 0.1)


def modes(root: Path, *clips: Clip, cut: tuple[float | None, ...] = ()) -> dict[str, float]:
    (root / "face").mkdir(exist_ok=True)
    (root / "video").mkdir(exist_ok=True)
    (root / "face/manifest.toml").write_text(OWN)
    rows = [{"kind": "plain", "clip": str(n), "face": score} for n, score in enumerate(cut)] + [
        {"kind": "swap", "face": 0.99}
    ]
    (root / "video/made.json").write_text(json.dumps(rows))
    return {name: bounds.synthetic for name, bounds in face_modes(clips, root).items()}


def test_the_models_own_thresholds_stand_where_no_real_clip_lies_above(tmp_path: Path) -> None:
    assert modes(tmp_path, clip(-2.0), clip(0.0), clip(9.0, fake=True), cut=(None, 0.3)) == {
        "normal": 0.8,
        "strict": 0.7,
    }


def test_a_real_clip_raises_the_normal_and_a_second_one_the_strict_threshold(tmp_path: Path) -> None:
    found = modes(tmp_path, clip(2.0), clip(-2.0), cut=(0.75,))  # 0.8808, and 0.75 after it was cut
    assert found == {"normal": pytest.approx(0.8809, abs=2e-4), "strict": pytest.approx(0.7501)}
    assert found["normal"] > 0.8808


def test_a_cut_clip_counts_by_the_higher_of_its_encodings(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    rows = [
        {"clip": "a", "kind": kind, "face": score} for kind, score in (("plain", 0.84), ("voice", 0.86), ("swap", 0.99))
    ]
    (tmp_path / "video/made.json").write_text(json.dumps([*rows, {"clip": "b", "kind": "voice", "face": None}]))
    assert cut_again(tmp_path, "face") == {"a": 0.86}


def test_whole_frames_accuse_above_every_real_clip() -> None:
    clips = [replace(clip(0.0, fake=n == 0), name=str(n)) for n in range(3)]
    bounds = frame_modes(clips, {"0": 0.5, "1": 0.92, "2": 0.75}, {}, 0.8, 0.7)
    assert bounds["normal"].synthetic == pytest.approx(0.9201) and bounds["strict"].synthetic == pytest.approx(0.7501)
    lower = frame_modes(clips, {"0": 0.5, "1": 0.6, "2": 0.3}, {"0": 0.99}, 0.8, 0.7)
    assert [mode.synthetic for mode in lower.values()] == [0.8, 0.7]
    assert bounds["normal"].authentic == pytest.approx(1 / 3)
    cut = frame_modes(clips, {"0": 0.5, "1": 0.92, "2": 0.75}, {"1": 0.93, "2": 0.7}, 0.8, 0.7)  # a clip counts once
    assert [mode.synthetic for mode in cut.values()] == pytest.approx([0.9301, 0.7501])


def test_above_is_the_next_of_four_digits() -> None:
    assert above(0.85349) == pytest.approx(0.8536) and above(0.5) == pytest.approx(0.5001)
