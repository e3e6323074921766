"""What a file says of itself: the pure results of provenance reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Claim(StrEnum):
    """What a piece of evidence says about the picture, if it is true."""

    SYNTHETIC = "synthetic"  # made whole by a generator
    MANIPULATED = "manipulated"  # a captured picture with generated parts
    CAPTURED = "captured"  # recorded by a camera; easily forged unless signed and trusted
    NEUTRAL = "neutral"  # says nothing about the origin


@dataclass(frozen=True)
class Evidence:
    """One finding: `source` is c2pa | digital_source_type | watermark | metadata; `strength` is P(claim), 0..1."""

    source: str
    claim: Claim
    strength: float
    what: str  # one sentence for people, e.g. "C2PA manifest signed by OpenAI says trainedAlgorithmicMedia"
    generator: str | None = None  # "sdxl-v1.0", "midjourney", ...


@dataclass(frozen=True)
class C2paFacts:
    """The active C2PA manifest: `state` is Valid | Trusted | Invalid | unreadable."""

    state: str
    issuer: str | None = None
    generator: str | None = None
    digital_source_types: tuple[str, ...] = ()
    validation_codes: tuple[str, ...] = ()  # failures only


@dataclass(frozen=True)
class WatermarkFacts:
    """An invisible watermark: `correlation` of the decoded bits with the known pattern, 0..1."""

    name: str
    generator: str
    correlation: float
    threshold: float


@dataclass(frozen=True)
class Provenance:
    """All that was read; `evidence` is ordered strongest first, `warnings` tell what could not be read."""

    c2pa: C2paFacts | None = None
    digital_source_type: str | None = None
    watermark: WatermarkFacts | None = None
    metadata: Mapping[str, str] | None = None  # a few named facts: tool, model, software, camera
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = field(default=())
