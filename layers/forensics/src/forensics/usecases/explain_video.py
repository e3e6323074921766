"""Why a video got its verdict: its scores over time, and a sheet of the frames behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import BinaryIO

from forensics.domain.cuts import cuts
from forensics.domain.errors import MediaCorrupt
from forensics.domain.face_verdict import marked_faces
from forensics.domain.result import Analysis, Artifact
from forensics.domain.scores import Region
from forensics.domain.video import ChunkResult, FrameScore, SoundResult, VideoModel, VideoPlan
from forensics.domain.video_timeline import Lane, MarkedFace, ScoredSpan, VideoTimeline, video_timeline_document
from forensics.media.film_picture import MOST_TILES, Tile, contact_sheet_png, thumbnail, timeline_png
from forensics.media.video_frames import show_frames

_SAME_MOMENT_S = 0.25  # a face belongs to a frame of the sheet when it was scored this close to it
_LONGEST_LOOK_S = 0.5  # that one look at a face stands for


def video_artifacts(
    source: BinaryIO,
    plan: VideoPlan,
    chunks: Sequence[ChunkResult],
    sound: SoundResult | None,
    analysis: Analysis,
    *,
    model: VideoModel,
    faces: Sequence[MarkedFace] = (),
) -> tuple[Artifact, ...]:
    """Return the contact sheet and the chart (PNG) and the timeline (JSON) of an analysis that `join_video` made.

    Only the sheet's frames are decoded again from `source`, one at a time; what cannot be is left out of the sheet.
    """
    timeline = video_timeline(plan, chunks, sound, analysis, model=model, faces=faces)
    document = json.dumps(video_timeline_document(timeline), separators=(",", ":"))
    frames = sorted((f for c in chunks for f in c.frames), key=lambda f: f.time_s)
    sheet = contact_sheet_png(
        _tiles(source, chosen(frames), timeline, (plan.facts.width, plan.facts.height)),
        duration_s=plan.facts.duration_s,
        looked_at=len(frames),
        model=timeline.frames.model,
    )
    return (
        Artifact("contact_sheet", "png", "image/png", sheet),
        Artifact("timeline_chart", "png", "image/png", timeline_png(timeline)),
        Artifact("timeline", "json", "application/json", document.encode()),
    )


def video_timeline(
    plan: VideoPlan,
    chunks: Sequence[ChunkResult],
    sound: SoundResult | None,
    analysis: Analysis,
    *,
    model: VideoModel,
    faces: Sequence[MarkedFace] = (),
) -> VideoTimeline:
    """Return every model's scores over time."""
    frames = sorted((f for c in chunks for f in c.frames), key=lambda f: f.time_s)
    marked = tuple(faces) or marked_faces(analysis.tracks)
    whole = {c.index for c in chunks if c.error is None}
    lane = Lane(f"{model.name}-frames {model.version}", model.spans.enter, _around(frames, plan.facts.duration_s))
    return VideoTimeline(
        duration_s=plan.facts.duration_s,
        frames=lane,
        sound=_sound_lane(sound, strict=analysis.decision.mode == analysis.detection.strict),
        segments=analysis.segments,
        cuts=cuts([look for c in chunks for look in c.looks]),
        uncovered=tuple((c.start_s, c.end_s) for c in plan.chunks if c.index not in whole),
        faces=marked,
        face_scores=_faces_lane(marked, analysis, model),
    )


def chosen(frames: Sequence[FrameScore], *, most: int = MOST_TILES) -> list[FrameScore]:
    """Return at most `most` frames in order of time, the most suspicious of each of as many equal shares."""
    count = min(most, len(frames))
    edges = [round(i * len(frames) / count) for i in range(count + 1)] if count else []
    return [max(frames[a:b], key=lambda f: f.score) for a, b in pairwise(edges)]


def _tiles(
    source: BinaryIO, frames: Sequence[FrameScore], timeline: VideoTimeline, frame_size: tuple[int, int]
) -> list[Tile]:
    tiles: list[Tile] = []
    by_time = {f.time_s: f for f in frames}
    with suppress(MediaCorrupt):  # the sheet stays shorter: the verdict has been reached without it
        for shown in show_frames(source, [f.time_s for f in frames]):
            time_s = min(by_time, key=lambda t: abs(t - shown.time_s))
            if tiles and tiles[-1].time_s == time_s:
                continue
            boxes = _boxes(timeline.faces, time_s)
            flagged = any(s.start <= time_s <= s.end and s.kind != "audio" for s in timeline.segments)
            tiles.append(Tile(time_s, thumbnail(shown.rgb), by_time[time_s].score, flagged, frame_size, boxes))
    return tiles


def _boxes(faces: Sequence[MarkedFace], time_s: float) -> tuple[Region, ...]:
    """Return of every track the box that was scored nearest to a moment."""
    near = [f for f in faces if abs(f.time_s - time_s) <= _SAME_MOMENT_S]
    nearest = {f.track: f.box for f in sorted(near, key=lambda f: -abs(f.time_s - time_s))}
    return tuple(nearest.values())


def _faces_lane(faces: Sequence[MarkedFace], analysis: Analysis, model: VideoModel) -> Lane | None:
    """Return the highest P(fake) of a face over time; None without a face model or a scored face."""
    used = next((m for m in analysis.detection.models if m.name.endswith("-tracks")), None)
    if model.faces is None or used is None or not faces:
        return None
    highest: dict[float, float] = {}
    for face in faces:
        highest[face.time_s] = max(face.box.score, highest.get(face.time_s, 0.0))
    moments = sorted(highest)
    gaps = [min(_LONGEST_LOOK_S, b - a) for a, b in pairwise([*moments, moments[-1] + _LONGEST_LOOK_S])]
    spans = tuple(ScoredSpan(at, at + gap, highest[at]) for at, gap in zip(moments, gaps, strict=True))
    return Lane(f"{used.name} {used.version}", model.faces.spans.enter, spans)


def _around(frames: Sequence[FrameScore], duration_s: float) -> tuple[ScoredSpan, ...]:
    """A frame stands for what is nearer to it than to any other."""
    edges = [0.0, *((a.time_s + b.time_s) / 2 for a, b in pairwise(frames)), duration_s]
    return tuple(ScoredSpan(a, max(a, b), f.score) for (a, b), f in zip(pairwise(edges), frames, strict=False))


def _sound_lane(sound: SoundResult | None, *, strict: bool) -> Lane | None:
    if sound is None or sound.detection is None or not sound.windows:
        return None
    mode = sound.detection.strict if strict else sound.detection.normal
    heard = sound.detection.models[0]
    spans = tuple(ScoredSpan(w.start_s, w.end_s, w.score) for w in sound.windows)
    return Lane(f"{heard.name} {heard.version}", mode.thresholds.synthetic, spans)
