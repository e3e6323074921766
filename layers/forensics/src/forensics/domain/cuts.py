"""Where a video changes from one scene to another, told by the colours of the frames that were looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from forensics.domain.plain import Plain

# Hellinger distance of two looked-at frames' colours. Of clips a second apart at most 0.21, of two clips more than 0.29 in 95 %:
# tests/unit/media/test_scene.py prints both.
CUT_DISTANCE = 0.3
# Encoders put a keyframe every so often, at the latest; one that comes earlier than this share of it begins a scene.
EARLY = 0.9
_TIME_DIGITS = 2


@dataclass(frozen=True)
class FrameLook(Plain):
    """One looked-at frame's second, that of the keyframe before it (None: unknown), and its colours as `colours_of` tells them."""

    time_s: float
    keyframe_s: float | None
    colours: str


def cuts(looks: Sequence[FrameLook]) -> tuple[float, ...]:
    """Return the seconds of the cuts, ascending; `looks` may come in any order.

    Encoders begin a scene with a keyframe, so a cut is told where the keyframe before the later frame lies; where none lies
    between the two frames, it is told halfway.
    """
    ordered = sorted(looks, key=lambda look: look.time_s)
    return tuple(_between(a, b) for a, b in pairwise(ordered) if distance(a.colours, b.colours) >= CUT_DISTANCE)


def early_keyframes(keyframes: Sequence[float], duration_s: float) -> tuple[float, ...]:
    """Return the keyframes that the encoder set before their time: where it saw a cut. Nothing is decoded.

    `keyframes` are their seconds, ascending. All of one length apart tell of no cut, and neither does a keyframe that ends the
    longest stretch of the film.
    """
    usual_s = max((later - before for before, later in pairwise([*keyframes, duration_s])), default=0.0)
    return tuple(later for before, later in pairwise(keyframes) if later - before < EARLY * usual_s)


def distance(one: str, other: str) -> float:
    """Return the Hellinger distance of two frames' colours, 0..1."""
    a, b = bytes.fromhex(one), bytes.fromhex(other)
    shared = sum(x * y for x, y in zip(a, b, strict=True))
    whole = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return math.sqrt(max(0.0, 1.0 - shared / whole)) if whole else 0.0


def _between(before: FrameLook, after: FrameLook) -> float:
    key = after.keyframe_s
    if key is None or not before.time_s < key <= after.time_s:
        key = (before.time_s + after.time_s) / 2
    return round(key, _TIME_DIGITS)
