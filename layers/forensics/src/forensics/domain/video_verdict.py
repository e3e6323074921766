"""From frames and sound to one answer: pooled, each by its own thresholds, the more suspicious of both decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from forensics.domain.places import logit, place, probability
from forensics.domain.scores import Detection, ModelScore, Segment
from forensics.domain.video import FrameScore, FrameSpans, SoundResult, VideoModel

FRAMES_DECIDE = "the picture decides: the most suspicious frames of the video"
FACES_DECIDE = "a face decides: the most suspicious looks at it"
SOUND_DECIDES = "the sound track decides"
TIME_DIGITS = 1
_LEAST_GUARDED_SHARE = 0.5  # a guard counts for the video when it holds for this share of its frames


def frames_detection(frames: Sequence[FrameScore], model: VideoModel, *, latency_ms: int) -> Detection:
    """Return the picture's answer; its score is None when no frame was scored."""
    score = probability(model.slope * pooled_logit(frames, model.upper_share) + model.intercept) if frames else None
    status = "skipped" if score is None else "ok"
    return Detection(
        score=score,
        normal=model.normal,
        strict=model.strict,
        models=(ModelScore(f"{model.name}-frames", model.version, score, status, latency_ms),),
        reasons=_guards(frames),
    )


def pooled_logit(frames: Sequence[FrameScore], upper_share: float) -> float:
    """Return the mean logit of the highest share of the frames, at least one; a few doubtful frames neither make nor break it."""
    logits = sorted((logit(f.score) for f in frames), reverse=True)
    kept = logits[: max(1, math.ceil(len(logits) * upper_share))]
    return sum(kept) / len(kept)


def frame_segments(frames: Sequence[FrameScore], rule: FrameSpans, *, duration_s: float) -> tuple[Segment, ...]:
    """Return spans that begin at a frame of `enter` and last while frames stay at `leave`; a frame stands for what is around it."""
    ordered = sorted(frames, key=lambda f: f.time_s)
    edges = [0.0, *((a.time_s + b.time_s) / 2 for a, b in pairwise(ordered)), duration_s]
    least = min(rule.least_frames, len(ordered))
    spans: list[list[int]] = [[]]
    for index, frame in enumerate(ordered):
        if frame.score >= rule.leave:
            spans[-1].append(index)
        elif spans[-1]:
            spans.append([])
    flagged = [s for s in spans if len(s) >= max(1, least) and max(ordered[i].score for i in s) >= rule.enter]
    return tuple(
        Segment(
            round(edges[s[0]], TIME_DIGITS),
            round(max(edges[s[-1] + 1], edges[s[0]]), TIME_DIGITS),
            sum(ordered[i].score for i in s) / len(s),
            kind="frame",
        )
        for s in flagged
    )


def strongest(frames: Detection, faces: Detection | None, sound: SoundResult | None, *, strict: bool) -> Detection:
    """Return the answer that lies highest between its own thresholds, with all models and signals; it says which part it is of.

    Sound that nobody speaks in, too little of it, or unlike what its model knows does not take part, nor do faces that could not
    be scored. Faces that decide over frames that are not synthetic, and sound over a picture that is authentic, mean a manipulated
    video.
    """
    heard = sound.detection if sound else None
    models = sum((d.models for d in (frames, faces, heard) if d), ())
    signals = sum((d.signals for d in (frames, faces, heard) if d), ())
    whole = place(frames, strict=strict)
    seen = replace(frames, says=FRAMES_DECIDE)
    if faces is not None and faces.score is not None and place(faces, strict=strict) > whole:
        seen = replace(faces, manipulated=whole < 1.0, says=FACES_DECIDE)
    picture = place(seen, strict=strict)
    if heard is not None and not heard.reasons and heard.score is not None and place(heard, strict=strict) > picture:
        seen = replace(heard, manipulated=heard.manipulated or picture <= -1.0, says=SOUND_DECIDES)
    return replace(seen, models=models, signals=signals)


def _guards(frames: Sequence[FrameScore]) -> tuple[str, ...]:
    reasons = sorted({reason for f in frames for reason in f.reasons})
    return tuple(r for r in reasons if sum(r in f.reasons for f in frames) >= _LEAST_GUARDED_SHARE * len(frames))
