"""How long serving a video takes: python -m training.video.speed CLIP [--seconds 60]

A clip is repeated to a length and encoded anew (H.264, 1280x720, a keyframe every 10 s). Prints the processor seconds of each step
on one thread, without starting Python and loading the model.
"""

from __future__ import annotations

import argparse
import io
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import numpy as np

from forensics.detect.image import ImageDetector
from forensics.domain.tracks import FacesSeen
from forensics.domain.video import Chunk
from forensics.media.look_times import look_times
from forensics.media.video_frames import read_frames
from forensics.settings import ModelSettings
from forensics.usecases.analyse_video import plan_video, score_chunk
from forensics.usecases.watch_faces import FaceWatch
from forensics.wiring.video import face_watch

T = TypeVar("T")
FPS, WIDTH, HEIGHT, KEYFRAME_EVERY = 25, 1280, 720, 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    settings = ModelSettings.from_env()
    detector = ImageDetector.load(settings.models_dir, settings.encoders_dir, threads=1)
    detector.detect(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    film = repeated(args.clip, args.seconds)
    watch = face_watch(replace(settings, threads=1))
    plan = timed(f"plan of {args.seconds:g} s", lambda: plan_video(io.BytesIO(film)))
    whole, looks = sum(len(c.times) for c in plan.chunks), sum(len(list(most_looks(c))) for c in plan.chunks)
    timed(f"{looks} frames decoded", lambda: [list(read_frames(io.BytesIO(film), most_looks(c))) for c in plan.chunks])
    seen = timed(
        f"{looks} frames decoded and searched for faces",
        lambda: [watched(film, c, watch()) for c in plan.chunks],
    )
    print(f"searches: {sum(told.searched for told in seen)}, faces: {sum(len(told.pieces) for told in seen)}")
    chunks = timed(
        f"the same, and {whole} whole frames scored",
        lambda: [score_chunk(io.BytesIO(film), c, detector, watch()) for c in plan.chunks],
    )
    print(f"covered: {sum(c.covered_s for c in chunks):.1f} s in {len(chunks)} chunks")


def most_looks(chunk: Chunk) -> Iterator[float]:
    """Yield when a worker looks if a face is always in sight."""
    return look_times(chunk, lambda time_s: True)


def watched(film: bytes, chunk: Chunk, watch: FaceWatch) -> FacesSeen:
    for time_s, rgb in read_frames(io.BytesIO(film), look_times(chunk, watch.in_sight)):
        watch.see(time_s, rgb)
    return watch.told()


def timed(name: str, work: Callable[[], T]) -> T:
    """Run it and print the processor seconds it took."""
    started = time.process_time()
    result = work()
    print(f"{name}: {time.process_time() - started:.2f} s", flush=True)
    return result


def repeated(clip: Path, seconds: float) -> bytes:
    """Return the clip end to end as an MP4 of that length."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = KEYFRAME_EVERY
        for number, frame in enumerate(itertools.islice(endless(clip), round(seconds * FPS))):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def endless(clip: Path) -> Iterator[av.VideoFrame]:
    while True:
        with av.open(clip) as source:
            for frame in source.decode(video=0):
                yield frame.reformat(width=WIDTH, height=HEIGHT, format="yuv420p")


if __name__ == "__main__":
    main()
