"""The contract's objects as pydantic models: they document the API, and the tests hold every answer against them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from forensics.web.detect_body import DetectBody

Probability = Annotated[float, Field(ge=0, le=1)]
VerdictName = Literal["authentic", "synthetic", "manipulated", "inconclusive"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProblemField(_Model):
    pointer: Annotated[str, Field(description="RFC 6901 pointer into the request body")]
    detail: str


class Problem(BaseModel):
    """An RFC 9457 problem; `code` is stable, `title` and `detail` are for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: list[ProblemField] = []


class Thresholds(_Model):
    synthetic: Probability
    authentic: Probability


class OperatingPoint(_Model):
    fpr: Probability
    recall: Probability
    measured_on: str


class SignalDetail(_Model):
    name: str
    value: str
    score: float
    what: str


class ModelScore(_Model):
    name: str
    version: str
    score: Probability | None
    status: Literal["ok", "skipped", "failed"]
    latency_ms: int


class C2pa(_Model):
    state: str
    issuer: str | None
    generator: str | None
    digital_source_types: list[str]
    validation_codes: list[str]


class Watermark(_Model):
    name: str
    generator: str
    correlation: float
    threshold: float


class EvidenceItem(_Model):
    source: str
    claim: Literal["synthetic", "manipulated", "captured", "neutral"]
    strength: Probability
    what: str
    generator: str | None


class Provenance(_Model):
    c2pa: C2pa | None
    digital_source_type: str | None
    watermark: Watermark | None
    metadata: dict[str, str] | None
    evidence: list[EvidenceItem]


class Region(_Model):
    x: int
    y: int
    w: int
    h: int
    score: Probability


class Artifacts(_Model):
    """Links that work for 15 minutes, when `explain` was asked: which of them there are depends on the medium."""

    heatmap_url: str | None = None
    spectrogram_url: Annotated[str | None, Field(description="PNG: the sound, the flagged spans, the scores")] = None
    contact_sheet_url: Annotated[str | None, Field(description="PNG: frames of the video with scores and faces")] = None
    timeline_chart_url: Annotated[str | None, Field(description="PNG: the video's scores and flagged spans")] = None
    timeline_url: Annotated[
        str | None, Field(description="JSON: scores over time; `Timeline` of a recording, `VideoTimeline` of a video")
    ] = None


class Media(_Model):
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: int
    format: str
    width: int | None
    height: int | None
    duration_s: float | None
    coverage: Probability


class Retention(_Model):
    mode: Literal["purge", "retain"]
    delete_by: datetime
    deleted_at: datetime | None


class Segment(_Model):
    start: float
    end: float
    score: Probability


class FlaggedSegment(Segment):
    kind: Annotated[
        Literal["audio", "frame", "face"], Field(description="What gave it away: sound, whole frames, a face")
    ]
    track: Annotated[int | None, Field(description="Number of the face, from 1; only faces have one")] = None


class Result(_Model):
    """A completed detection; the first nine fields are the product page's and never change meaning."""

    job_id: str
    status: Literal["completed"]
    media_type: Literal["image", "audio", "video"]
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


class TimelineWindow(_Model):
    """What the model saw at once; windows overlap, and pauses in them are shortened, so that they may last longer."""

    start: float
    end: float
    speech_s: float
    score: Probability


class TimelineSpan(_Model):
    start: float
    end: float


class Waveform(_Model):
    """Least and greatest sample of every `bucket_s` seconds, at most 1,000 of each; full scale is -1 to 1."""

    bucket_s: float
    min: Annotated[list[float], Field(max_length=1000)]
    max: Annotated[list[float], Field(max_length=1000)]


class Timeline(_Model):
    """What `timeline_url` leads to: a recording's scores over time, in seconds; of two sides the one that decided."""

    duration_s: float
    window_s: float
    hop_s: float
    model: Annotated[str, Field(description="Name and version of the model whose P(fake) the scores are")]
    explains: Annotated[Literal["synthetic"], Field(description="The class that a high score speaks for")]
    threshold: Annotated[Probability, Field(description="Where a verdict is synthetic")]
    side: Annotated[Literal["left", "right"] | None, Field(description="Null unless two sides were scored apart")]
    windows: list[TimelineWindow]
    flagged_segments: list[Segment]
    speech: list[TimelineSpan]
    waveform: Waveform


class VideoLane(_Model):
    """One model's P(fake) over time; from `threshold` on it speaks for a fake."""

    model: Annotated[str, Field(description="Name and version of the model whose P(fake) the scores are")]
    threshold: Probability
    scores: list[Segment]


class MarkedFace(Region):
    """A face at one moment, its box in pixels of the upright frame."""

    time: float
    track: int


class VideoTimeline(_Model):
    """What `timeline_url` leads to for a video: each model's scores, flagged spans and changes of scene, in seconds."""

    duration_s: float
    explains: Annotated[Literal["synthetic"], Field(description="The class that a high score speaks for")]
    frames: VideoLane
    face_scores: Annotated[VideoLane | None, Field(description="The most suspicious face; null when none was scored")]
    sound: Annotated[VideoLane | None, Field(description="Null when no speech was scored")]
    faces: list[MarkedFace]
    flagged_segments: list[FlaggedSegment]
    cuts: Annotated[list[float], Field(description="Changes of scene")]
    uncovered: Annotated[list[TimelineSpan], Field(description="What of the picture could not be analysed")]


class Links(_Model):
    self: str


class PendingJob(_Model):
    """A job that was accepted and is not finished."""

    job_id: str
    status: Literal["queued", "processing"]
    media_type: Annotated[
        Literal["image", "audio", "video"] | None, Field(description="Null when nobody has looked at the bytes yet")
    ]
    created_at: datetime
    estimated_seconds: int
    links: Links
    verdict: None
    external_id: str | None
    metadata: dict[str, str]


class FailedJob(_Model):
    """A job that ended without a verdict; `error` is the problem a synchronous call would have answered."""

    job_id: str
    status: Literal["failed"]
    media_type: Annotated[
        Literal["image", "audio", "video"] | None, Field(description="Null when nobody has looked at the bytes yet")
    ]
    verdict: None
    error: Problem
    retention: Retention
    created_at: datetime
    completed_at: datetime
    request_id: str
    external_id: str | None
    metadata: dict[str, str]


class Health(_Model):
    status: Literal["ok"]
    version: str
    region: str


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI responses that are problems, by status."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    texts = {
        400: "The request is not valid",
        401: "No valid key",
        403: "The key lacks the scope",
        404: "Not found, or another tenant's",
        409: "It stands against another call, or against how far the job is",
        410: "The job was deleted",
        413: "The body is too large",
        415: "Not a supported kind of file",
        429: "A limit is used up",
        422: "The media cannot be analysed",
        500: "Unknown error",
        503: "Try again",
    }
    return {code: {"description": texts[code], "content": content} for code in codes}


DETECT_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": PendingJob, "description": "Accepted; poll the job at Location"},
    **problems(400, 401, 403, 413, 415, 422, 500, 503),
}
JOB_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": Result | PendingJob | FailedJob, "description": "The job as it stands"},
    **problems(400, 401, 403, 404, 410, 500, 503),
}


def _detect_openapi() -> dict[str, Any]:
    body = DetectBody.model_json_schema()
    file = {
        "type": "string",
        "format": "binary",
        "description": "The file, at most 4 MiB; exactly one of file, media_url and upload_id",
    }
    form = {**body, "title": "DetectForm", "properties": {"file": file, **body["properties"]}}
    content = {"application/json": {"schema": body}, "multipart/form-data": {"schema": form}}
    prefer = {"name": "Prefer", "in": "header", "required": False, "schema": {"type": "string"}}
    prefer["description"] = "respond-async, wait=N (RFC 7240)"
    return {"requestBody": {"required": True, "content": content}, "parameters": [prefer]}


DETECT_OPENAPI = _detect_openapi()
