"""A picture and its faces: who decides, and what a face may not do."""

from __future__ import annotations

import pytest

from forensics.domain.evidence import Claim, Evidence, Provenance
from forensics.domain.picture_verdict import FACE_DECIDES, FacesLookedAt, ScoredFace, with_faces
from forensics.domain.places import logit
from forensics.domain.scores import OperatingMode, OperatingPoint, Region, Thresholds
from forensics.domain.tracks import FaceBox
from forensics.domain.verdict import Verdict, decide
from tests.support.fakes import detection

POINT = OperatingPoint(0.01, 0.5, "made up for tests")
NORMAL, STRICT = (OperatingMode(Thresholds(*bounds), POINT) for bounds in ((0.88, 0.84), (0.84, 0.78)))
BOX = FaceBox(10.2, 20.0, 100.4, 120.0)
BELOW_DOUBT = 0.6


def seen(*scores: float | None) -> FacesLookedAt:
    faces = tuple(ScoredFace(BOX, None if score is None else logit(score)) for score in scores)
    return FacesLookedAt("face", "1", faces, NORMAL, STRICT, latency_ms=30)


@pytest.mark.parametrize(
    ("whole", "faces", "strict", "verdict"),
    [
        (0.1, (0.9,), False, Verdict.MANIPULATED),
        (0.1, (0.3, 0.9, 0.5), False, Verdict.MANIPULATED),
        (0.1, (0.86,), False, Verdict.INCONCLUSIVE),
        (0.1, (0.86,), True, Verdict.MANIPULATED),
        (0.1, (BELOW_DOUBT,), False, Verdict.AUTHENTIC),
        (0.1, (None,), False, Verdict.AUTHENTIC),
        (0.1, (), False, Verdict.AUTHENTIC),
        (0.5, (BELOW_DOUBT,), False, Verdict.INCONCLUSIVE),
        (0.9, (0.99,), False, Verdict.SYNTHETIC),  # all of it is: no face was put in
        (0.9, (0.1,), False, Verdict.SYNTHETIC),
    ],
)
def test_the_more_suspicious_one_decides(
    whole: float, faces: tuple[float | None, ...], strict: bool, verdict: Verdict
) -> None:
    answer = with_faces(detection(whole), seen(*faces), strict=strict)
    assert decide(answer, Provenance(), strict=strict).verdict is verdict


def test_a_face_that_decides_says_so_with_every_face_as_a_region() -> None:
    answer = with_faces(detection(0.1), seen(0.9, None, 0.2), strict=False)
    assert [(r.x, r.y, r.w, r.h, round(r.score, 6)) for r in answer.regions] == [
        (10, 20, 100, 120, 0.9),
        (10, 20, 100, 120, 0.2),
    ]
    assert isinstance(answer.regions[0], Region)
    assert decide(answer, Provenance(), strict=False).reasons[0] == FACE_DECIDES


def test_decisive_evidence_of_the_file_is_not_said_to_be_a_faces() -> None:
    mark = Evidence("watermark", Claim.SYNTHETIC, 0.99, "SDXL watermark", "sdxl-v1.0")
    decision = decide(with_faces(detection(0.1), seen(0.9), strict=False), Provenance(evidence=(mark,)), strict=False)
    assert decision.reasons == ("SDXL watermark",)


@pytest.mark.parametrize(("score", "verdict"), [(0.9, Verdict.MANIPULATED), (0.86, Verdict.INCONCLUSIVE)])
def test_guards_of_the_whole_picture_hold_unless_a_face_is_beyond_doubt(score: float, verdict: Verdict) -> None:
    guarded = detection(0.1, reasons=("out_of_distribution",))
    decision = decide(with_faces(guarded, seen(score), strict=False), Provenance(), strict=False)
    assert decision.verdict is verdict
    assert any(r.startswith("out_of_distribution") for r in decision.reasons) is (verdict is Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(("scores", "status"), [((0.3,), "ok"), ((None,), "skipped"), ((), "skipped")])
def test_the_face_model_is_always_listed(scores: tuple[float | None, ...], status: str) -> None:
    model = with_faces(detection(0.1), seen(*scores), strict=False).models[-1]
    assert (model.name, model.version, model.status, model.latency_ms) == ("face-crops", "1", status, 30)
