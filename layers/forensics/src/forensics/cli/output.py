"""Lines for machines, blocks for people."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

RETRYABLE_CODES = ("media-fetch-failed", "internal-error", "service-unavailable", "timeout")


class ResultFile:
    """An append-only JSON-lines file that a run can be cut off from and taken up again.

    Opening drops a torn last line and lines whose problem may pass (a URL that did not answer), so that these are tried again.
    """

    def __init__(self, path: Path) -> None:
        kept = [line for line in _whole_lines(path) if not _retryable(line)] if path.exists() else []
        self.done = {str(line["input"]) for line in kept if "input" in line}
        temporary = path.with_name(path.name + ".partial")
        temporary.write_text("".join(as_line(line) for line in kept), encoding="utf-8")
        temporary.replace(path)
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def add(self, line: Mapping[str, Any]) -> None:
        """Write one line durably, so that a crash loses at most the line in the making."""
        self._file.write(as_line(line))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def as_line(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def as_block(line: Mapping[str, Any]) -> str:
    """Return a result for people: verdict first, then the reasons and signals behind it."""
    if "problem" in line:
        return f"{line['input']}\n  could not be analysed: {line['problem']['detail']} ({line['problem']['code']})\n"
    generator = f"  generator {line['generator']}" if line["generator"] else ""
    head = f"  {line['verdict'].upper()}  confidence {line['confidence']:.2f}  P(fake) {line['score']:.2f}{generator}"
    reasons = [f"  - {reason}" for reason in line["reasons"]]
    signals = "  ".join(f"{name}={value}" for name, value in line["signals"].items())
    return "\n".join([str(line["input"]), head, *reasons, *([f"  signals: {signals}"] if signals else [])]) + "\n"


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = json.loads(text)
        except ValueError:
            continue  # torn by a crash: the input is analysed again
        if isinstance(value, dict):
            lines.append(value)
    return lines


def _retryable(line: Mapping[str, Any]) -> bool:
    return isinstance(line.get("problem"), dict) and line["problem"].get("code") in RETRYABLE_CODES
