"""The talking clips that lip_sync is fitted and measured on: training/video/lips.csv, read out of clones, seen as serving sees."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.faces import FaceDetector
from forensics.domain.errors import DetectorError
from forensics.domain.lip_sync import Trace
from forensics.domain.video import Chunk
from forensics.media.audio import open_audio
from forensics.media.look_times import look_times
from forensics.media.video_frames import show_frames
from forensics.media.voice import VoiceMeter
from forensics.usecases.analyse_video import plan_video
from forensics.usecases.watch_faces import FaceWatch
from training.image.data import read_csv
from training.repositories import read_blob

CLIPS_CSV = Path(__file__).with_name("lips.csv")


LEARNT_S = 20.0
Stretch = tuple[NDArray[np.float64], NDArray[np.float32]]


@dataclass(frozen=True)
class Talk:
    """One clip: the looks at its most watched mouth (seconds (n,), mouths (n, 384)), and its voice (m, 9).

    `stretches` are what serving looks at, chunk by chunk; `whole` is the clip's first LEARNT_S seconds, for fitting.
    """

    name: str
    group: str  # repositories that show the same people are one group
    fake: bool  # lips made to fit the sound
    stretches: tuple[Stretch, ...]
    whole: tuple[Stretch, ...]
    voice: NDArray[np.float64]


class Recorder:
    """Stands in for the lip reader: keeps what it is given."""

    def __init__(self) -> None:
        self.heard: list[Stretch] = []

    def lips_trace(self, times_s: NDArray[np.floating], mouths: NDArray[np.floating]) -> Trace | None:
        self.heard.append((times_s.astype(np.float64), mouths.astype(np.float32)))
        return None


def talks(clones: Path, kept: Path | None, finder: FaceDetector) -> list[Talk]:
    """Watch and hear every clip of the table; what cannot be read is told and left out.

    `kept` holds clips that were taken out of their clones before: <owner>+<name>__<path>, underscores for most signs.
    """
    found = []
    for row in read_csv(CLIPS_CSV):
        name = f"{row['repository']}:{row['path']}"
        try:
            data = _data(clones, kept, row)
            found.append(_talk(data, row, name, finder))
        except (DetectorError, subprocess.CalledProcessError, OSError) as error:
            print(f"left out: {name}: {error}", flush=True)
            continue
        seconds = sum(t[-1] - t[0] for t, _ in found[-1].stretches)
        print(f"{name} {seconds:.1f} s of lips, {len(found[-1].voice) / 25:.1f} s of sound", flush=True)
    return found


def _data(clones: Path, kept: Path | None, row: dict[str, str]) -> bytes:
    name = re.sub(r"[^\w.+-]", "_", f"{row['repository'].replace('/', '+')}__{row['path']}")
    if kept is not None and (kept / name).is_file():
        return (kept / name).read_bytes()
    return read_blob(clones, row["repository"], row["commit"], row["path"])


def _talk(data: bytes, row: dict[str, str], name: str, finder: FaceDetector) -> Talk:
    plan = plan_video(io.BytesIO(data))
    served = [_looks(data, chunk, finder) for chunk in plan.chunks]
    end_s = min(LEARNT_S, plan.facts.duration_s)
    moments = tuple(n / 2 for n in range(int(2 * end_s)))
    whole = _looks(data, Chunk(0, 0.0, end_s, moments[:1], moments, 0.0, end_s), finder)
    meter = VoiceMeter()
    with open_audio(data) as reader:
        for block in reader.blocks():
            meter.push(block.mean(axis=0))
    fake = row["label"] == "fake"
    return Talk(name, row["group"], fake, tuple(s for s in served if s), (whole,) if whole else (), meter.close())


def _looks(data: bytes, chunk: Chunk, finder: FaceDetector) -> Stretch | None:
    recorder = Recorder()
    watch = FaceWatch(finder, reader=recorder)
    for shown in show_frames(io.BytesIO(data), look_times(chunk, watch.in_sight)):
        watch.see(shown.time_s, shown.rgb)
    watch.told()
    return max(recorder.heard, key=lambda looks: len(looks[0]), default=None)
