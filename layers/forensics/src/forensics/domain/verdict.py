"""From evidence and scores to one verdict: the rule, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from forensics.domain.evidence import Claim, Evidence, Provenance
from forensics.domain.scores import Detection, OperatingMode

# A claim of the file decides alone from this strength on: forging it takes intent, and the forger gains a "fake" label.
DECISIVE_STRENGTH = 0.9

REASON_TEXTS = {
    "borderline": "The score lies between the two thresholds.",
    "low_resolution": "The picture is too small for a reliable score.",
    "out_of_distribution": "The media is unlike what the models were trained and measured on.",
    "models_disagree": "The models contradict each other.",
    "no_face": "No face was found, so only whole frames were judged.",
    "no_speech": "Nobody speaks in the recording.",
    "too_short": "There is too little speech for a reliable score.",
}
NO_EVIDENCE = "The file carries no provenance evidence; that proves nothing either way."


class Verdict(StrEnum):
    AUTHENTIC = "authentic"
    SYNTHETIC = "synthetic"
    MANIPULATED = "manipulated"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Decision:
    """The verdict; `confidence` is P(verdict), for inconclusive the P of the likelier side; `score` is P(fake)."""

    verdict: Verdict
    confidence: float
    score: float
    generator: str | None
    reasons: tuple[str, ...]
    mode: OperatingMode


def decide(detection: Detection, provenance: Provenance, *, strict: bool) -> Decision:
    """Let decisive evidence speak first, then the guards, then the calibrated score against the mode's thresholds."""
    mode = detection.strict if strict else detection.normal
    named = detection.generator or _named_generator(provenance)
    claim = _decisive(provenance)
    if claim is not None:
        score = max(claim.strength, detection.score or 0.0)
        verdict = Verdict.SYNTHETIC if claim.claim is Claim.SYNTHETIC else Verdict.MANIPULATED
        generator = _named_generator(provenance) or named
        return Decision(verdict, score, score, generator, _evidence_texts(provenance), mode)
    verdict, reasons = _by_score(detection, mode)
    reasons = (detection.says, *reasons) if detection.says else reasons
    score = 0.5 if detection.score is None else detection.score
    fake = verdict in (Verdict.SYNTHETIC, Verdict.MANIPULATED)
    confidence = score if fake else 1 - score if verdict is Verdict.AUTHENTIC else max(score, 1 - score)
    return Decision(verdict, confidence, score, named if fake else None, reasons + _evidence_texts(provenance), mode)


def _by_score(detection: Detection, mode: OperatingMode) -> tuple[Verdict, tuple[str, ...]]:
    guards = tuple(f"{code}: {REASON_TEXTS.get(code, code)}" for code in detection.reasons)
    if guards or detection.score is None:
        return Verdict.INCONCLUSIVE, guards
    bounds = mode.thresholds
    if detection.score >= bounds.synthetic:
        return (Verdict.MANIPULATED if detection.manipulated else Verdict.SYNTHETIC), (
            "score above the synthetic threshold",
        )
    if detection.score <= bounds.authentic:
        return Verdict.AUTHENTIC, ("score below the authentic threshold",)
    return Verdict.INCONCLUSIVE, (f"borderline: {REASON_TEXTS['borderline']}",)


def _decisive(provenance: Provenance) -> Evidence | None:
    fakes = (Claim.SYNTHETIC, Claim.MANIPULATED)
    strong = [e for e in provenance.evidence if e.claim in fakes and e.strength >= DECISIVE_STRENGTH]
    return max(strong, key=lambda e: e.strength, default=None)


def _named_generator(provenance: Provenance) -> str | None:
    fakes = (e for e in provenance.evidence if e.claim in (Claim.SYNTHETIC, Claim.MANIPULATED) and e.generator)
    best = max(fakes, key=lambda e: e.strength, default=None)
    return best.generator if best else None


def _evidence_texts(provenance: Provenance) -> tuple[str, ...]:
    return tuple(e.what for e in provenance.evidence) or (NO_EVIDENCE,)
