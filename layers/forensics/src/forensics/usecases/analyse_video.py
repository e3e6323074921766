"""A video in steps, each of them one worker's: plan it, score a chunk, hear its sound; or all of them in one process."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from forensics.domain.errors import DetectorError, PayloadTooLarge
from forensics.domain.job import DetectOptions
from forensics.domain.lip_sync import Trace
from forensics.domain.result import Analysis
from forensics.domain.stopwatch import Stopwatch
from forensics.domain.video import ChunkResult, SoundResult, VideoModel, VideoPlan
from forensics.media.audio import Samples, open_audio
from forensics.media.look_times import DENSE_STEP_S
from forensics.media.moving_pictures import is_moving_picture
from forensics.media.sniff import SNIFF_BYTES, expect
from forensics.media.video import MAX_SECONDS, probe_video
from forensics.media.video_plan import FRAMES_PER_CHUNK, MAX_FRAMES, plan_chunks
from forensics.media.voice import VoiceMeter
from forensics.usecases.explain_video import video_artifacts
from forensics.usecases.join_video import join_video
from forensics.usecases.ports import AudioDetector, FilmProvenanceReader, ImageDetector
from forensics.usecases.score_chunk import score_chunk
from forensics.usecases.watch_faces import FaceWatch

__all__ = [
    "MAX_BYTES",
    "AnalyseVideo",
    "VideoProgress",
    "hear_sound",
    "join_video",
    "plan_video",
    "score_chunk",
]

MAX_BYTES = 500_000_000
SECONDS_PER_FRAME = 0.5  # of work for one whole frame on a slow machine, and
SECONDS_PER_LOOK = 0.05  # for one look at faces, most of which only follow them
_HASHED_BYTES = 1 << 20


class VoiceReader(Protocol):
    """Brings the numbers of a VoiceMeter, (n, 9), to what a voice shares with lips."""

    def voice_trace(self, features: NDArray[np.floating]) -> Trace | None: ...


class VideoProgress(Protocol):
    """Is told how many of the chunks are done."""

    def __call__(self, done: int, total: int) -> None: ...


def plan_video(
    source: BinaryIO,
    *,
    max_seconds: float = MAX_SECONDS,
    max_bytes: int = MAX_BYTES,
    most_frames: int = MAX_FRAMES,
    frames_per_chunk: int = FRAMES_PER_CHUNK,
) -> VideoPlan:
    """Probe a video and share its frames out; `source` must seek and is read once from end to end for its SHA-256.

    Raises PayloadTooLarge, MediaTooLong, UnsupportedMediaType, MediaTypeMismatch (no picture track), MediaCorrupt or
    MediaTooLargePixels.
    """
    size = source.seek(0, io.SEEK_END)
    if size > max_bytes:
        raise PayloadTooLarge(f"A video may have at most {max_bytes} bytes.")
    source.seek(0)
    head = source.read(SNIFF_BYTES)
    moving = is_moving_picture(source)  # of these the whole file is told by its probing
    kind = None if moving else expect(head, medium="video")
    probed = probe_video(source, max_seconds=max_seconds)
    chunks = plan_chunks(
        probed.facts.duration_s, keyframes=probed.keyframes_s, most=most_frames, per_chunk=frames_per_chunk
    )
    name = kind.name if kind else probed.facts.container
    facts = replace(probed.facts, container=name, bytes=size, sha256=_sha256(source))
    return VideoPlan(facts, chunks, facts.has_audio)


def estimated_s(plan: VideoPlan) -> float:
    """Return the seconds that one slow machine would need for the picture."""
    looks = sum(len(c.face_times) + c.dense_s / DENSE_STEP_S for c in plan.chunks)  # with a face in sight throughout
    return sum(len(c.times) for c in plan.chunks) * SECONDS_PER_FRAME + looks * SECONDS_PER_LOOK


def hear_sound(
    source: BinaryIO,
    detector: AudioDetector,
    *,
    max_seconds: float = MAX_SECONDS,
    voice_reader: VoiceReader | None = None,
) -> SoundResult:
    """Score the sound track; sound that cannot be decoded is told by `error`, every other failure is raised."""
    meter = VoiceMeter()

    def listen(block: Samples) -> None:
        if voice_reader is not None:
            meter.push(block.mean(axis=0))

    try:
        with open_audio(source, max_seconds=max_seconds) as reader:
            heard = detector.detect(reader.blocks(), listen=listen, native_hz=reader.facts.sample_rate_hz)
    except DetectorError as error:
        if error.status >= 500:
            raise
        return SoundResult.failed(error.code)
    detection = heard.detection
    return SoundResult(
        score=detection.score,
        segments=tuple(heard.segments),
        reasons=detection.reasons,
        speech_s=sum(end - start for start, end in heard.speech),
        detection=detection,
        timings_ms=dict(heard.timings_ms),
        windows=tuple(heard.timeline),
        voice=voice_reader.voice_trace(meter.close()) if voice_reader and heard.speech else None,
    )


@dataclass(frozen=True)
class AnalyseVideo:
    """The video pipeline as one callable: the workers are threads, since decoding and networks leave Python's lock."""

    image: ImageDetector
    audio: Callable[[], AudioDetector]
    read_provenance: FilmProvenanceReader
    model: VideoModel
    watch: Callable[[], FaceWatch] | None = None  # makes a new one for every chunk
    voice_reader: VoiceReader | None = None
    workers: int = 2
    max_seconds: float = MAX_SECONDS
    progress: VideoProgress | None = None

    def __call__(self, data: bytes, options: DetectOptions) -> Analysis:
        """Return the analysis; raises what `plan_video` and `join_video` raise."""
        clock = Stopwatch()
        with clock.stage("plan"):
            plan = plan_video(io.BytesIO(data), max_seconds=self.max_seconds)
        with clock.stage("workers"), ThreadPoolExecutor(self.workers) as pool:
            sound = pool.submit(self._hear, data) if plan.has_audio else None
            futures = [
                pool.submit(score_chunk, io.BytesIO(data), chunk, self.image, self.watch and self.watch())
                for chunk in plan.chunks
            ]
            chunks = [*self._finished(futures)]
            heard = sound.result() if sound else None
        with clock.stage("provenance"):
            provenance = self.read_provenance(io.BytesIO(data))
        analysis = join_video(plan, chunks, heard, provenance, options, model=self.model, timings_ms=clock.elapsed_ms)
        if not options.explain:
            return analysis
        with clock.stage("explain"):
            artifacts = video_artifacts(io.BytesIO(data), plan, chunks, heard, analysis, model=self.model)
        return replace(analysis, artifacts=artifacts, timings_ms=clock.elapsed_ms)

    def estimate_s(self, data: bytes) -> float:
        """Return the seconds that a slow machine would need; raises as `plan_video` does."""
        plan = plan_video(io.BytesIO(data), max_seconds=self.max_seconds)
        return estimated_s(plan)

    def _hear(self, data: bytes) -> SoundResult:
        return hear_sound(io.BytesIO(data), self.audio(), max_seconds=self.max_seconds, voice_reader=self.voice_reader)

    def _finished(self, futures: Sequence[Future[ChunkResult]]) -> Iterator[ChunkResult]:
        for done, future in enumerate(as_completed(futures), start=1):
            if self.progress:
                self.progress(done, len(futures))
            yield future.result()


def _sha256(source: BinaryIO) -> str:
    source.seek(0)
    digest = hashlib.sha256()
    while block := source.read(_HASHED_BYTES):
        digest.update(block)
    return digest.hexdigest()
