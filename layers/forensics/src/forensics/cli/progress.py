"""Progress on stderr: bars on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tqdm import tqdm

PLAIN_INTERVAL_S = 10.0
LONG_RECORDING_S = 60.0  # shorter ones are done before one could read how far they are
LEAST_CHUNKS = 2  # a video of one chunk is done before one could read it
_NAME_CHARS = 24
# With and without a known length; tqdm's own rates would be seconds per second.
_BAR = "{desc} {percentage:3.0f}%|{bar}| {postfix[0]} of {postfix[1]}, {remaining} left"
_COUNT = "{desc} {postfix[0]} heard, {elapsed} passed"


class Progress:
    """How far a run is: files done of all, and inside a long recording the time heard of its length, when that is
    known, inside a video its chunks."""

    def __init__(self, out: IO[str] | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out or sys.stderr
        self._terminal = self._out.isatty()
        self._clock = clock
        self._told_at = clock()
        self._name = ""
        self._recording: tqdm | None = None

    def files(self, items: Iterable[str], *, total: int) -> Iterator[str]:
        """Yield the items while showing how many are done."""
        bar = tqdm(total=total, unit="file", file=self._out, disable=not self._terminal)
        with bar:
            for done, item in enumerate(items, start=1):
                self._name = _short(item)
                yield item
                self._close()
                bar.update()
                if done < total:
                    self._tell(f"{done}/{total} files")

    def hearing(self, heard_s: float, duration_s: float | None) -> None:
        """Show how much of the recording in hand was heard; a file may declare no length, or a wrong one."""
        known = duration_s if duration_s and duration_s >= heard_s else None
        if (known or heard_s) < LONG_RECORDING_S:
            return
        if self._terminal:
            self._draw(heard_s, known)
        else:
            self._tell(f"{self._name}: {clock_time(heard_s)}{f' of {clock_time(known)}' if known else ''} heard")

    def watching(self, done: int, total: int) -> None:
        """Show how many chunks of the video in hand were looked at."""
        if total < LEAST_CHUNKS:
            return
        if not self._terminal:
            self._tell(f"{self._name}: {done} of {total} chunks")
            return
        if self._recording is None:
            self._recording = tqdm(desc=self._name, file=self._out, position=1, leave=False, total=total, unit="chunk")
        self._recording.update(done - self._recording.n)

    def _draw(self, heard_s: float, known: float | None) -> None:
        told = [clock_time(heard_s), clock_time(known) if known else ""]
        shape = _BAR if known else _COUNT
        if self._recording is None:
            self._recording = tqdm(
                desc=self._name, file=self._out, position=1, leave=False, total=known, postfix=told, bar_format=shape
            )
        bar = self._recording
        bar.total, bar.postfix, bar.bar_format = known, told, shape
        bar.update(heard_s - bar.n)

    def _close(self) -> None:
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def _tell(self, text: str) -> None:
        if not self._terminal and self._clock() - self._told_at >= PLAIN_INTERVAL_S:
            self._told_at = self._clock()
            print(text, file=self._out, flush=True)


def clock_time(seconds: float) -> str:
    """Return minutes:seconds, e.g. 61:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _short(item: str) -> str:
    name = Path(urlsplit(item).path).name or item
    return name if len(name) <= _NAME_CHARS else f"{name[: _NAME_CHARS - 1]}…"
