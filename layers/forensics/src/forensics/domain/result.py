"""The contract's JSON objects of a job: pending, completed, failed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from forensics.domain.errors import DetectorError, problem
from forensics.domain.evidence import Provenance
from forensics.domain.job import PURGE_WITHIN, RETAIN_PERIOD, DetectOptions, Job, timestamp
from forensics.domain.scores import Detection, Segment, Signal
from forensics.domain.tracks import FaceTrack
from forensics.domain.verdict import Decision

SCORE_DIGITS = 4
LEAST_ESTIMATED_SECONDS = 2  # the queue's own delay and a picture's time


@dataclass(frozen=True)
class MediaFacts:
    """What was analysed: SHA-256 and size of the bytes as received, pixels or seconds, share of the media that was covered."""

    sha256: str
    bytes: int
    format: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    coverage: float = 1.0


@dataclass(frozen=True)
class Artifact:
    """A file that explains a verdict; it is linked as `<name>_url`."""

    name: str
    suffix: str
    content_type: str
    data: bytes = field(repr=False)

    @property
    def file_name(self) -> str:
        return f"{self.name}.{self.suffix}"


@dataclass(frozen=True)
class Analysis:
    """One file's whole analysis; `timings_ms` by stage: decode, provenance, model, ..."""

    decision: Decision
    detection: Detection
    provenance: Provenance
    media: MediaFacts
    timings_ms: Mapping[str, float]
    artifacts: tuple[Artifact, ...] = ()
    media_type: str = "image"
    segments: tuple[Segment, ...] = ()
    warnings: tuple[str, ...] = ()
    tracks: tuple[FaceTrack, ...] = ()

    @property
    def signals(self) -> tuple[Signal, ...]:
        return self.detection.signals + _provenance_signals(self.provenance)


def pending_document(job: Job, *, estimate_s: float = 0.0) -> dict[str, Any]:
    """Return the 202 body; the HTTP layer adds the link, whose path depends on how it was called."""
    return {
        "job_id": job.job_id,
        "status": job.status.value,
        "media_type": job.media_type or None,
        "created_at": timestamp(job.created_at),
        "estimated_seconds": LEAST_ESTIMATED_SECONDS + math.ceil(estimate_s),
        "verdict": None,
    } | _echo(job.options)


def failed_document(
    job: Job, error: DetectorError, *, completed_at: datetime, deleted_at: datetime | None
) -> dict[str, Any]:
    """Return the document of a job that ended without a verdict: it carries the same problem object as a sync answer."""
    return {
        "job_id": job.job_id,
        "status": "failed",
        "media_type": job.media_type or None,
        "verdict": None,
        "error": problem(error, request_id=job.request_id),
        "retention": _retention(job, completed_at, deleted_at),
        "created_at": timestamp(job.created_at),
        "completed_at": timestamp(completed_at),
        "request_id": job.request_id,
    } | _echo(job.options)


def completed_document(
    job: Job, analysis: Analysis, *, completed_at: datetime, deleted_at: datetime | None
) -> dict[str, Any]:
    """Return the contract's result object; the first seven fields are the product page's."""
    decision, detection = analysis.decision, analysis.detection
    latency_ms = round((completed_at - job.created_at).total_seconds() * 1000)
    return {
        "job_id": job.job_id,
        "status": "completed",
        "media_type": job.media_type,
        "verdict": decision.verdict.value,
        "confidence": round(decision.confidence, SCORE_DIGITS),
        "generator": decision.generator,
        "signals": {s.name: s.value for s in analysis.signals},
        "flagged_segments": [_segment(s) for s in analysis.segments],
        "latency_ms": latency_ms,
        "score": round(decision.score, SCORE_DIGITS),
        "thresholds": asdict(decision.mode.thresholds),
        "strict_mode": job.options.strict_mode,
        "operating_point": asdict(decision.mode.operating_point),
        "reasons": list(decision.reasons),
        "signal_details": [asdict(s) | {"score": round(s.score, SCORE_DIGITS)} for s in analysis.signals],
        "models": [asdict(m) | {"score": _rounded(m.score)} for m in detection.models],
        "provenance": provenance_document(analysis.provenance),
        "regions": [asdict(r) | {"score": round(r.score, SCORE_DIGITS)} for r in detection.regions],
        "artifacts": {},
        "media": asdict(analysis.media),
        "retention": _retention(job, completed_at, deleted_at),
        "warnings": [*detection.warnings, *analysis.warnings, *analysis.provenance.warnings],
        "created_at": timestamp(job.created_at),
        "completed_at": timestamp(completed_at),
        "request_id": job.request_id,
    } | _echo(job.options)


def provenance_document(provenance: Provenance) -> dict[str, Any]:
    c2pa = provenance.c2pa
    return {
        "c2pa": None if c2pa is None else asdict(c2pa),
        "digital_source_type": provenance.digital_source_type,
        "watermark": None if provenance.watermark is None else asdict(provenance.watermark),
        "metadata": None if provenance.metadata is None else dict(provenance.metadata),
        "evidence": [asdict(e) for e in provenance.evidence],
    }


def _provenance_signals(provenance: Provenance) -> tuple[Signal, ...]:
    """Words for what the file says of itself; absent when it says nothing."""
    strongest = provenance.evidence[0] if provenance.evidence else None
    signals = []
    if strongest is not None:
        signals.append(Signal("provenance", f"declares_{strongest.claim.value}", strongest.strength, strongest.what))
    if (mark := provenance.watermark) is not None:
        what = (
            f"Invisible watermark of {mark.generator}: correlation {mark.correlation:.2f} against {mark.threshold:.2f}."
        )
        signals.append(Signal("watermark", mark.name, mark.correlation, what))
    return tuple(signals)


def _segment(segment: Segment) -> dict[str, Any]:
    """Only a face has a track."""
    told = {name: value for name, value in asdict(segment).items() if value is not None}
    return told | {"score": round(segment.score, SCORE_DIGITS)}


def _echo(options: DetectOptions) -> dict[str, Any]:
    return {"external_id": options.external_id, "metadata": dict(options.metadata)}


def _retention(job: Job, completed_at: datetime, deleted_at: datetime | None) -> dict[str, Any]:
    retain = job.options.retain
    return {
        "mode": "retain" if retain else "purge",
        "delete_by": timestamp(job.created_at + RETAIN_PERIOD if retain else completed_at + PURGE_WITHIN),
        "deleted_at": timestamp(deleted_at) if deleted_at else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, SCORE_DIGITS)
