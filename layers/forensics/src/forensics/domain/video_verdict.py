"""From frames and sound to one answer: pooled, each by its own thresholds, the more suspicious of both decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from forensics.domain.scores import Detection, ModelScore, OperatingMode, Segment
from forensics.domain.video import FrameScore, FrameSpans, SoundResult, VideoModel

FRAMES_DECIDE = "the picture decides: the most suspicious frames of the video"
FACES_DECIDE = "a face decides: the most suspicious looks at it"
SOUND_DECIDES = "the sound track decides"
TIME_DIGITS = 1
_LARGEST_LOGIT = 13.8  # of a probability that was rounded to six digits
_LEAST_GUARDED_SHARE = 0.5  # a guard counts for the video when it holds for this share of its frames


def frames_detection(frames: Sequence[FrameScore], model: VideoModel, *, latency_ms: int) -> Detection:
    """Return the picture's answer; its score is None when no frame was scored."""
    score = _sigmoid(model.slope * pooled_logit(frames, model.upper_share) + model.intercept) if frames else None
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
    logits = sorted((_logit(f.score) for f in frames), reverse=True)
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


def strongest(
    frames: Detection, faces: Detection | None, sound: SoundResult | None, *, strict: bool
) -> tuple[Detection, str]:
    """Return the answer that lies highest between its own thresholds, with all models and signals, and the sentence for it.

    Sound that nobody speaks in, too little of it, or unlike what its model knows does not take part, nor do faces that could not
    be scored. Faces that decide over frames that are not synthetic, and sound over a picture that is authentic, mean a manipulated
    video.
    """
    heard = sound.detection if sound else None
    models = sum((d.models for d in (frames, faces, heard) if d), ())
    signals = sum((d.signals for d in (frames, faces, heard) if d), ())
    whole = _place(frames, strict)
    seen, said = replace(frames), FRAMES_DECIDE
    if faces is not None and faces.score is not None and _place(faces, strict) > whole:
        seen, said = replace(faces, manipulated=whole < 1.0), FACES_DECIDE
    picture = _place(seen, strict)
    if heard is not None and not heard.reasons and heard.score is not None and _place(heard, strict) > picture:
        seen, said = replace(heard, manipulated=heard.manipulated or picture <= -1.0), SOUND_DECIDES
    return replace(seen, models=models, signals=signals), said


def _place(detection: Detection, strict: bool) -> float:
    return -math.inf if detection.score is None else _position(detection.score, _mode(detection, strict))


def _position(score: float, mode: OperatingMode) -> float:
    """Return where a score lies between its thresholds: -1 at authentic, 1 at synthetic, linear in logits."""
    low, high = _logit(mode.thresholds.authentic), _logit(mode.thresholds.synthetic)
    return (2 * _logit(score) - low - high) / max(high - low, 1e-6)


def _mode(detection: Detection, strict: bool) -> OperatingMode:
    return detection.strict if strict else detection.normal


def _guards(frames: Sequence[FrameScore]) -> tuple[str, ...]:
    reasons = sorted({reason for f in frames for reason in f.reasons})
    return tuple(r for r in reasons if sum(r in f.reasons for f in frames) >= _LEAST_GUARDED_SHARE * len(frames))


def _logit(score: float) -> float:
    if score <= 0.0 or score >= 1.0:
        return math.copysign(_LARGEST_LOGIT, score - 0.5)
    return max(-_LARGEST_LOGIT, min(_LARGEST_LOGIT, math.log(score / (1 - score))))


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
