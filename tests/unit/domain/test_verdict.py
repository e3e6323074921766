from __future__ import annotations

import pytest

from forensics.domain.evidence import Claim, Evidence, Provenance
from forensics.domain.verdict import NO_EVIDENCE, Verdict, decide
from tests.support.fakes import detection

WATERMARK = Evidence("watermark", Claim.SYNTHETIC, 0.99, "SDXL watermark", "sdxl-v1.0")
WEAK = Evidence("metadata", Claim.SYNTHETIC, 0.5, "software says so", "midjourney")
COMPOSITE = Evidence("c2pa", Claim.MANIPULATED, 0.97, "composite", "adobe-firefly")
CAMERA = Evidence("metadata", Claim.CAPTURED, 0.6, "camera EXIF")


@pytest.mark.parametrize(
    ("score", "strict", "verdict", "confidence"),
    [
        (0.95, False, Verdict.SYNTHETIC, 0.95),
        (0.8, False, Verdict.SYNTHETIC, 0.8),
        (0.7, False, Verdict.INCONCLUSIVE, 0.7),
        (0.7, True, Verdict.SYNTHETIC, 0.7),
        (0.3, False, Verdict.AUTHENTIC, 0.7),
        (0.25, True, Verdict.INCONCLUSIVE, 0.75),
        (0.02, True, Verdict.AUTHENTIC, 0.98),
    ],
)
def test_score_against_the_modes_thresholds(score: float, strict: bool, verdict: Verdict, confidence: float) -> None:
    decision = decide(detection(score), Provenance(), strict=strict)
    assert (decision.verdict, decision.confidence, decision.score) == (verdict, pytest.approx(confidence), score)
    assert NO_EVIDENCE in decision.reasons


def test_decisive_evidence_beats_a_low_score_and_names_the_generator() -> None:
    decision = decide(detection(0.01), Provenance(evidence=(WATERMARK,)), strict=False)
    assert (decision.verdict, decision.score, decision.generator) == (Verdict.SYNTHETIC, 0.99, "sdxl-v1.0")
    assert decision.reasons == ("SDXL watermark",)


def test_decisive_evidence_beats_the_guards() -> None:
    decision = decide(detection(None, reasons=("low_resolution",)), Provenance(evidence=(WATERMARK,)), strict=False)
    assert decision.verdict is Verdict.SYNTHETIC


def test_composite_evidence_is_manipulated() -> None:
    assert decide(detection(0.01), Provenance(evidence=(COMPOSITE,)), strict=False).verdict is Verdict.MANIPULATED


def test_weak_evidence_decides_nothing_but_names_the_generator_of_a_fake() -> None:
    low = decide(detection(0.1), Provenance(evidence=(WEAK,)), strict=False)
    high = decide(detection(0.9), Provenance(evidence=(WEAK,)), strict=False)
    assert (low.verdict, low.generator) == (Verdict.AUTHENTIC, None)
    assert (high.verdict, high.generator) == (Verdict.SYNTHETIC, "midjourney")


def test_a_camera_claim_does_not_clear_a_fake() -> None:
    assert decide(detection(0.95), Provenance(evidence=(CAMERA,)), strict=False).verdict is Verdict.SYNTHETIC


@pytest.mark.parametrize("reason", ["low_resolution", "out_of_distribution", "models_disagree"])
def test_guards_make_it_inconclusive(reason: str) -> None:
    decision = decide(detection(0.99, reasons=(reason,)), Provenance(), strict=False)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert decision.reasons[0].startswith(f"{reason}: ")


def test_no_score_is_inconclusive_at_one_half() -> None:
    decision = decide(detection(None, reasons=("low_resolution",)), Provenance(), strict=False)
    assert (decision.verdict, decision.score, decision.confidence) == (Verdict.INCONCLUSIVE, 0.5, 0.5)


def test_attribution_names_a_fake_only() -> None:
    assert decide(detection(0.9, generator="stylegan2"), Provenance(), strict=False).generator == "stylegan2"
    assert decide(detection(0.1, generator="stylegan2"), Provenance(), strict=False).generator is None
