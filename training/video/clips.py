"""A scored clip: what the workers found in it, as metrics.json keeps it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forensics.domain.tracks import join_tracks, pooled_faces
from forensics.domain.video import ChunkResult, FrameScore, SoundResult, VideoPlan
from forensics.domain.video_verdict import pooled_logit

PLAIN = "plain"  # among made fakes: a real clip, cut and encoded as they are
UPPER_SHARE = 0.5
LEAST_LOOKS = 2  # at a face that is judged


@dataclass(frozen=True)
class Clip:
    """One clip with what the workers found."""

    name: str
    fake: bool
    source: str
    plan: VideoPlan
    chunks: tuple[ChunkResult, ...]
    sound: SoundResult | None
    seconds: float

    @property
    def frames(self) -> list[FrameScore]:
        return [frame for chunk in self.chunks for frame in chunk.frames]

    @property
    def face_logits(self) -> list[tuple[float, ...]]:
        """The logits of every face that was looked at often enough."""
        pieces = [piece for chunk in self.chunks if chunk.faces for piece in chunk.faces.pieces]
        return [track.logits for track in join_tracks(pieces) if len(track.logits) >= LEAST_LOOKS]

    @property
    def face_score(self) -> float | None:
        """P(fake) of the most suspicious face, None when there is none or no face model."""
        return max((sigmoid(pooled_faces(logits, UPPER_SHARE)) for logits in self.face_logits), default=None)

    def to_json(self) -> dict[str, Any]:
        sound = self.sound.to_json() if self.sound else None
        chunks = [c.to_json() for c in self.chunks]
        return vars(self) | {"plan": self.plan.to_json(), "chunks": chunks, "sound": sound}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Clip:
        parts = {
            "plan": VideoPlan.from_json(row["plan"]),
            "chunks": tuple(ChunkResult.from_json(c) for c in row["chunks"]),
            "sound": SoundResult.from_json(row["sound"]) if row["sound"] else None,
        }
        return cls(**(row | parts))


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list | tuple) else value


def rate(scores: Sequence[float], threshold: float) -> float:
    return sum(s >= threshold for s in scores) / len(scores)


def logit(score: float) -> float:
    return pooled_logit([FrameScore(0.0, score)], 1.0)


def sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
