"""IPTC's digital source types: https://cv.iptc.org/newscodes/digitalsourcetype/ ."""

from __future__ import annotations

from typing import Final

from forensics.domain.evidence import Claim

CLAIMS: Final[dict[str, Claim]] = {
    "trainedAlgorithmicMedia": Claim.SYNTHETIC,
    "algorithmicMedia": Claim.SYNTHETIC,
    "compositeWithTrainedAlgorithmicMedia": Claim.MANIPULATED,
    "compositeSynthetic": Claim.MANIPULATED,
    "algorithmicallyEnhanced": Claim.NEUTRAL,
    "trainedAlgorithmicData": Claim.SYNTHETIC,
    "digitalCapture": Claim.CAPTURED,
    "computationalCapture": Claim.CAPTURED,
    "negativeFilm": Claim.CAPTURED,
    "positiveFilm": Claim.CAPTURED,
    "print": Claim.CAPTURED,
}
_BY_LOWER: Final = {term.lower(): term for term in CLAIMS}
# Older or vendors' spellings of the same terms.
_SYNONYMS: Final = {
    "softwareimage": "digitalCreation",
    "compositecapture": "compositeCapture",
    "minorhumanedits": "humanEdits",
}


def source_term(value: str) -> str | None:
    """Return the bare term of a digital source type given as URI, QCode or word; None when it is not a plain word."""
    term = value.strip().rstrip("/").replace("digsrctype:", "").split("/")[-1]
    if not term.isalpha() or len(term) > 60:
        return None
    lowered = term.lower()
    return _BY_LOWER.get(lowered) or _SYNONYMS.get(lowered) or term


def claim_of(term: str) -> Claim:
    """Return what a term says of the picture; an unknown term says nothing."""
    return CLAIMS.get(term, Claim.NEUTRAL)
