"""The last step of a video: what the workers found becomes one analysis; pure, whatever of it is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from forensics.domain.errors import InternalError, MediaCorrupt
from forensics.domain.evidence import Provenance
from forensics.domain.face_signals import face_signals
from forensics.domain.face_verdict import face_segments, faces_detection, tracks_of
from forensics.domain.job import DetectOptions
from forensics.domain.result import Analysis, MediaFacts
from forensics.domain.scores import Detection, ModelScore, Segment
from forensics.domain.verdict import REASON_TEXTS, Decision, Verdict, decide
from forensics.domain.video import Chunk, ChunkResult, SoundResult, VideoFacts, VideoModel, VideoPlan
from forensics.domain.video_verdict import frame_segments, frames_detection, strongest

DURATION_DIGITS = 1
COVERAGE_DIGITS = 3
NO_FACE_MODEL = ModelScore("face-tracks", "none", None, "skipped", 0)
SOUND_FAILED = "The sound track could not be analysed; the verdict rests on the picture."


def join_video(
    plan: VideoPlan,
    chunks: Sequence[ChunkResult],
    sound: SoundResult | None,
    provenance: Provenance,
    options: DetectOptions,
    *,
    model: VideoModel,
    timings_ms: Mapping[str, float] | None = None,
) -> Analysis:
    """Return the analysis that ends the job; the same results in any order give the same answer.

    `chunks` may lack some and may hold failed ones; `sound` is None when the video has none. Raises MediaCorrupt when no frame
    could be decoded and no sound heard, InternalError when all workers failed for other reasons.
    """
    kept = {
        c.index: c for c in sorted(chunks, key=lambda c: (c.index, len(c.frames)))
    }  # of two for one chunk, the fuller
    found = [kept[i] for i in sorted(kept)]
    frames = [frame for chunk in found for frame in chunk.frames]
    picture = frames_detection(frames, model, latency_ms=sum(c.latency_ms for c in found))
    seen = [chunk.faces for chunk in found if chunk.faces]
    tracks = tracks_of(seen, model.faces)
    if not frames and (sound is None or sound.score is None):
        raise _nothing_scored(found)
    faces = faces_detection(tracks, seen, model.faces)
    unscored = (NO_FACE_MODEL,) if seen and faces is None else ()
    picture = replace(
        picture,
        models=picture.models + unscored,
        signals=face_signals(tracks, model.signals, sound.voice if sound else None),
    )
    detection = strongest(picture, faces, sound, strict=options.strict_mode)
    duration_s = plan.facts.duration_s
    segments = frame_segments(frames, model.spans, duration_s=duration_s) + (sound.segments if sound else ())
    if model.faces is not None:
        segments += face_segments(tracks, model.faces, duration_s=duration_s)
    searched = sum(told.searched for told in seen)
    return Analysis(
        decision=_decision(detection, provenance, strict=options.strict_mode, no_face=bool(searched) and not tracks),
        detection=detection,
        provenance=provenance,
        media=_facts(plan.facts, _coverage(plan, found)),
        timings_ms=dict(timings_ms or {}),
        media_type="video",
        segments=tuple(sorted(segments, key=_order)),
        warnings=_warnings(plan, found, sound),
        tracks=tracks,
    )


def _decision(detection: Detection, provenance: Provenance, *, strict: bool, no_face: bool) -> Decision:
    decision = decide(detection, provenance, strict=strict)
    if no_face and decision.verdict is Verdict.INCONCLUSIVE:
        return decide(replace(detection, says=f"no_face: {REASON_TEXTS['no_face']}"), provenance, strict=strict)
    return decision


def _order(segment: Segment) -> tuple[float, float, str]:
    return (segment.start, segment.end, segment.kind)


def _coverage(plan: VideoPlan, found: Sequence[ChunkResult]) -> float:
    length = sum(c.end_s - c.start_s for c in plan.chunks)
    covered = sum(c.covered_s for c in found)
    return round(min(1.0, covered / length), COVERAGE_DIGITS) if length > 0 else float(bool(covered))


def _warnings(plan: VideoPlan, found: Sequence[ChunkResult], sound: SoundResult | None) -> tuple[str, ...]:
    whole = {c.index for c in found if c.error is None}
    short = [c for c in plan.chunks if c.index not in whole]
    told = [f"Part of the picture could not be analysed: {_spans(short)}."] if short else []
    if plan.has_audio and (sound is None or sound.error):
        told.append(SOUND_FAILED)
    return tuple(told)


def _spans(chunks: Sequence[Chunk]) -> str:
    return ", ".join(f"{c.start_s:.1f}-{c.end_s:.1f} s" for c in sorted(chunks, key=lambda c: c.start_s))


def _facts(facts: VideoFacts, coverage: float) -> MediaFacts:
    return MediaFacts(
        sha256=facts.sha256,
        bytes=facts.bytes,
        format=facts.container,
        width=facts.width,
        height=facts.height,
        duration_s=round(facts.duration_s, DURATION_DIGITS),
        coverage=coverage,
    )


def _nothing_scored(found: Sequence[ChunkResult]) -> MediaCorrupt | InternalError:
    damaged = bool(found) and all(c.error == MediaCorrupt.code for c in found)
    if damaged:
        return MediaCorrupt("No frame of the video can be decoded.")
    return InternalError("No part of the video could be analysed.")
