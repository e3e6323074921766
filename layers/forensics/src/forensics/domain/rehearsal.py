"""What a test key is answered: always the same, chosen by the medium or by the caller, and nothing is analysed."""

from __future__ import annotations

import hashlib

from forensics.domain.errors import DetectorError, FieldError, InvalidRequest, codes, from_problem
from forensics.domain.evidence import Provenance
from forensics.domain.result import Analysis, MediaFacts
from forensics.domain.scores import Detection, ModelScore, OperatingMode, OperatingPoint, Segment, Thresholds
from forensics.domain.verdict import Decision, Verdict

CHOSEN_BY = "test:"  # an external_id that begins with it says what to answer: test:authentic, test:media-corrupt
BY_MEDIUM = {"image": Verdict.SYNTHETIC, "audio": Verdict.SYNTHETIC, "video": Verdict.MANIPULATED}
SCORES = {Verdict.AUTHENTIC: 0.03, Verdict.SYNTHETIC: 0.97, Verdict.MANIPULATED: 0.95, Verdict.INCONCLUSIVE: 0.5}
SAID = "This is the answer to a test key: nothing was analysed."
_MODE = OperatingMode(Thresholds(0.8, 0.2), OperatingPoint(0.01, 0.9, "nothing: a fixture"))
_SPAN_KIND = {"audio": "audio", "video": "frame"}


def scripted(external_id: str | None, medium: str) -> Verdict | DetectorError:
    """Return the verdict, or the error, that a call with a test key gets; raises InvalidRequest for a script that is none."""
    if external_id is None or not external_id.startswith(CHOSEN_BY):
        return BY_MEDIUM[medium]
    asked = external_id.removeprefix(CHOSEN_BY)
    if asked in list(Verdict):
        return Verdict(asked)
    if asked in codes():
        return from_problem({"code": asked})
    fault = FieldError("/external_id", "neither a verdict nor an error's code after `test:`")
    raise InvalidRequest("A test key does not know that script.", errors=[fault])


def rehearsed_analysis(verdict: Verdict, data: bytes, *, medium: str, format: str) -> Analysis:
    """Return the fixture of a verdict; only size, format and SHA-256 are of the file that was sent."""
    score = SCORES[verdict]
    fake = verdict in (Verdict.SYNTHETIC, Verdict.MANIPULATED)
    confidence = 1 - score if verdict is Verdict.AUTHENTIC else score
    reasons = (SAID,) if verdict is not Verdict.INCONCLUSIVE else ("borderline: a fixture.", SAID)
    spans = (Segment(0.5, 1.5, score, _SPAN_KIND[medium]),) if fake and medium in _SPAN_KIND else ()
    generator = "test-fixture" if verdict is Verdict.SYNTHETIC else None
    model = ModelScore("test-fixture", "1", score, "ok", 0)
    return Analysis(
        decision=Decision(verdict, confidence, score, generator, reasons, _MODE),
        detection=Detection(score=score, normal=_MODE, strict=_MODE, models=(model,)),
        provenance=Provenance(),
        media=MediaFacts(hashlib.sha256(data).hexdigest(), len(data), format),
        timings_ms={},
        media_type=medium,
        segments=spans,
        warnings=(SAID,),
    )
