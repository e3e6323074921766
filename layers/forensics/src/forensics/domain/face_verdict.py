"""From the faces of a video to one answer: each track pooled, the most suspicious one speaks, with its spans of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forensics.domain.places import probability
from forensics.domain.scores import Detection, ModelScore, Region, Segment
from forensics.domain.tracks import FaceBox, FacesSeen, FaceTrack, join_tracks, pooled_faces
from forensics.domain.video import FaceRule, FrameScore
from forensics.domain.video_timeline import MarkedFace
from forensics.domain.video_verdict import TIME_DIGITS, frame_segments

SMOOTHED = 3  # looks whose logits are averaged before a span is told
LASTS_S = 1.0  # a face may stay for this long after it was last looked at


def tracks_of(seen: Sequence[FacesSeen], rule: FaceRule | None) -> tuple[FaceTrack, ...]:
    """Return every face of the video with its score, None where there are too few looks or no face model."""
    tracks = join_tracks([piece for told in seen for piece in told.pieces])
    return tuple(replace(track, score=_score(track, rule)) for track in tracks)


def faces_detection(tracks: Sequence[FaceTrack], seen: Sequence[FacesSeen], rule: FaceRule | None) -> Detection | None:
    """Return the answer of the most suspicious face, its score None when none could be scored; None when no face model looked."""
    model = next((told.model for told in seen if told.model), None)
    if rule is None or model is None:
        return None
    scores = [track.score for track in tracks if track.score is not None]
    name, version = model
    status = "ok" if scores else "skipped"
    latency_ms = sum(told.latency_ms for told in seen)
    highest = max(scores, default=None)
    return Detection(
        score=highest,
        normal=rule.normal,
        strict=rule.strict,
        models=(ModelScore(f"{name}-tracks", version, highest, status, latency_ms),),
    )


def face_segments(tracks: Sequence[FaceTrack], rule: FaceRule, *, duration_s: float) -> tuple[Segment, ...]:
    """Return the spans in which a face looks forged, each with the number of its track."""
    return tuple(segment for track in tracks for segment in _spans(track, rule, duration_s))


def marked_faces(tracks: Sequence[FaceTrack]) -> tuple[MarkedFace, ...]:
    """Return every scored look at a face, by time."""
    marked = [
        MarkedFace(look.time_s, region_of(look.box, probability(look.logit)), track.number)
        for track in tracks
        for look in track.looks
        if look.logit is not None
    ]
    return tuple(sorted(marked, key=lambda face: (face.time_s, face.track)))


def region_of(box: FaceBox, score: float) -> Region:
    """Return a face's rectangle with its P(fake)."""
    return Region(round(box.x), round(box.y), round(box.w), round(box.h), score)


def _score(track: FaceTrack, rule: FaceRule | None) -> float | None:
    if rule is None or len(track.logits) < rule.least_looks:
        return None
    return probability(pooled_faces(track.logits, rule.upper_share))


def _spans(track: FaceTrack, rule: FaceRule, duration_s: float) -> list[Segment]:
    looks = [(look.time_s, look.logit) for look in track.looks if look.logit is not None]
    if track.score is None or not looks:
        return []
    half = SMOOTHED // 2
    smooth = [_mean([v for _, v in looks[max(0, n - half) : n + half + 1]]) for n in range(len(looks))]
    frames = [FrameScore(time_s, probability(logit)) for (time_s, _), logit in zip(looks, smooth, strict=True)]
    first, last = looks[0][0] - LASTS_S, looks[-1][0] + LASTS_S
    return [
        replace(
            s,
            start=round(max(s.start, first), TIME_DIGITS),
            end=round(min(s.end, last), TIME_DIGITS),
            kind="face",
            track=track.number,
        )
        for s in frame_segments(frames, rule.spans, duration_s=duration_s)
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
