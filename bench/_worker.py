"""The process that runs a function in the local cloud: which it is, and how much memory it has held."""

from __future__ import annotations

from pathlib import Path

import psutil  # type: ignore[import-untyped]

from localcloud.cloud import LocalCloud


def worker(cloud: LocalCloud, function: str) -> psutil.Process | None:
    """Return the newest process of `functions.<function>`, None when it does not run."""
    handler = f"functions.{function}.app.handler"
    running = [p for p in psutil.Process(cloud.emulator.group).children(recursive=True) if _runs(p, handler)]
    return max(running, key=lambda process: process.create_time(), default=None)


def resident_bytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def peak_bytes(process: psutil.Process) -> int:
    """Return the most memory the process ever held; where the system does not tell (not Linux), what it holds now."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.is_file():
        return resident_bytes(process)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _runs(process: psutil.Process, handler: str) -> bool:
    try:
        return handler in process.cmdline()
    except psutil.Error:  # it has just ended
        return False
