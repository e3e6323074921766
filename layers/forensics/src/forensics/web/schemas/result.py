"""A completed detection, whole."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from forensics.web.schemas.base import MediumName, Model, Probability, VerdictName


class Thresholds(Model):
    synthetic: Probability
    authentic: Probability


class OperatingPoint(Model):
    fpr: Probability
    recall: Probability
    measured_on: str


class SignalDetail(Model):
    name: str
    value: str
    score: float
    what: str


class ModelScore(Model):
    name: str
    version: str
    score: Probability | None
    status: Literal["ok", "skipped", "failed"]
    latency_ms: int


class C2pa(Model):
    state: str
    issuer: str | None
    generator: str | None
    digital_source_types: list[str]
    validation_codes: list[str]


class Watermark(Model):
    name: str
    generator: str
    correlation: float
    threshold: float


class EvidenceItem(Model):
    source: str
    claim: Literal["synthetic", "manipulated", "captured", "neutral"]
    strength: Probability
    what: str
    generator: str | None


class Provenance(Model):
    c2pa: C2pa | None
    digital_source_type: str | None
    watermark: Watermark | None
    metadata: dict[str, str] | None
    evidence: list[EvidenceItem]


class Region(Model):
    x: int
    y: int
    w: int
    h: int
    score: Probability


class Artifacts(Model):
    """Links that work for 15 minutes, when `explain` was asked: which of them there are depends on the medium."""

    heatmap_url: str | None = None
    spectrogram_url: Annotated[str | None, Field(description="PNG: the sound, the flagged spans, the scores")] = None
    contact_sheet_url: Annotated[str | None, Field(description="PNG: frames of the video with scores and faces")] = None
    timeline_chart_url: Annotated[str | None, Field(description="PNG: the video's scores and flagged spans")] = None
    timeline_url: Annotated[
        str | None, Field(description="JSON: scores over time; `Timeline` of a recording, `VideoTimeline` of a video")
    ] = None


class Media(Model):
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: int
    format: str
    width: int | None
    height: int | None
    duration_s: float | None
    coverage: Probability


class Retention(Model):
    mode: Literal["purge", "retain"]
    delete_by: datetime
    deleted_at: datetime | None


class Segment(Model):
    start: float
    end: float
    score: Probability


class FlaggedSegment(Segment):
    kind: Annotated[
        Literal["audio", "frame", "face"], Field(description="What gave it away: sound, whole frames, a face")
    ]
    track: Annotated[int | None, Field(description="Number of the face, from 1; only faces have one")] = None


class Result(Model):
    """A completed detection; the first nine fields are the product page's and never change meaning."""

    job_id: str
    status: Literal["completed"]
    media_type: MediumName
    verdict: VerdictName
    confidence: Annotated[Probability, Field(description="P(verdict); for inconclusive, of the likelier side")]
    generator: str | None
    signals: dict[str, str]
    flagged_segments: list[FlaggedSegment]
    latency_ms: int
    score: Annotated[Probability, Field(description="calibrated P(fake)")]
    thresholds: Thresholds
    strict_mode: bool
    operating_point: OperatingPoint
    reasons: list[str]
    signal_details: list[SignalDetail]
    models: list[ModelScore]
    provenance: Provenance
    regions: list[Region]
    artifacts: Artifacts
    media: Media
    retention: Retention
    warnings: list[str]
    created_at: datetime
    completed_at: datetime
    request_id: str
    external_id: str | None
    metadata: dict[str, str]
