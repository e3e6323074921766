"""What a caller says of a verdict, once it knows better."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_COMMENT_CHARS = 2000


class Label(StrEnum):
    AUTHENTIC = "authentic"
    SYNTHETIC = "synthetic"
    MANIPULATED = "manipulated"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Feedback:
    """One key's word on one job; a later word takes its place."""

    label: Label
    comment: str | None
    given_at: datetime
