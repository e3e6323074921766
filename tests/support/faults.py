"""Faults on order in the workers that look at a video's frames: the real function behind a wrapper that only tests deploy."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import psutil

from localcloud.cloud import LocalCloud
from localcloud.emulator import ROOT

FUNCTION = "functions/video_frames"
HANDLER = "functions.video_frames.app.handler"
WRAPPER = """
import json, os, signal, time
from pathlib import Path

from forensics.store import ranged

from functions.video_frames import real

HERE = Path(__file__).parent
fetch = ranged.RangedReader._block


def fetch_unless_told_otherwise(self, number):
    for token in sorted(HERE.glob("fail-read-*")):
        try:
            token.unlink()
        except FileNotFoundError:  # another worker had it
            continue
        raise ConnectionError("a read that failed on order")
    return fetch(self, number)


ranged.RangedReader._block = fetch_unless_told_otherwise


def handler(event, context):
    order = json.loads((HERE / "order.json").read_text())
    mark = HERE / f"at-work-{os.getpid()}"
    mark.touch()
    with (HERE / "begun").open("a") as begun:
        begun.write(".")
    try:
        time.sleep(order["linger_s"])
        if event["chunk"]["index"] in order["die_on"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return real.handler(event, context)
    finally:
        mark.unlink()
"""


@dataclass(frozen=True)
class Order:
    """What goes wrong: the chunks whose worker dies each time, and how long a worker lingers before each chunk, in seconds."""

    die_on: Sequence[int] = ()
    linger_s: float = 0.0


@dataclass(frozen=True)
class Faults:
    """A folder with a copy of every function, the frame workers under orders; `local_cloud(source=...)` runs it."""

    source: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Faults:
        shutil.copytree(ROOT / "functions", folder / "functions", ignore=shutil.ignore_patterns("__pycache__"))
        function = folder / FUNCTION
        (function / "app.py").rename(function / "real.py")
        (function / "app.py").write_text(WRAPPER)
        faults = cls(folder)
        faults.order(Order())
        return faults

    def order(self, order: Order) -> None:
        """Tell the workers what to do from now on."""
        told = self.source / FUNCTION / "order.new"
        told.write_text(json.dumps(asdict(order)))
        told.replace(told.with_name("order.json"))  # a worker reads the old one or the new one

    def fail_reads(self, count: int) -> None:
        """Make so many of the next reads from S3 fail."""
        for number in range(count):
            (self.source / FUNCTION / f"fail-read-{number}").touch()

    def begun(self) -> int:
        """Return how many chunks workers have begun to look at, ever."""
        marks = self.source / FUNCTION / "begun"
        return marks.stat().st_size if marks.exists() else 0

    def at_work(self) -> list[int]:
        """Return the workers, by process id, that look at a chunk at this moment."""
        marks = (self.source / FUNCTION).glob("at-work-*")
        return [pid for mark in marks if psutil.pid_exists(pid := int(mark.name.rpartition("-")[2]))]


def with_a_broken_stretch(film: bytes, *, start_s: float, end_s: float) -> bytes:
    """Return the film with every picture of that stretch overwritten, header and sound as they were."""
    broken = bytearray(film)
    with av.open(io.BytesIO(film)) as source:
        for packet in source.demux(video=0):
            if packet.pts is not None and start_s <= packet.pts * packet.time_base < end_s:
                broken[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    return bytes(broken)


def frame_workers(cloud: LocalCloud) -> list[psutil.Process]:
    """Return the processes that look at frames, in this local cloud alone."""
    found = [p for p in psutil.process_iter(["cmdline"]) if HANDLER in (p.info["cmdline"] or [])]
    return [p for p in found if _group(p) == cloud.emulator.group]


def kill(pid: int) -> None:
    """Kill one worker, as the kernel does when memory runs out."""
    os.kill(pid, signal.SIGKILL)


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None
