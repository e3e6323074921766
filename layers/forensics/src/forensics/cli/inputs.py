"""Arguments to inputs: files, URLs, and every file below a directory in a stable order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path


def is_url(text: str) -> bool:
    return text.startswith(("https://", "http://"))


def expand(arguments: Iterable[str]) -> Iterator[str]:
    """Yield each input once, in order: URLs and files as given, directories as their sorted visible files."""
    seen: set[str] = set()
    for argument in arguments:
        for item in _below(argument):
            if item not in seen:
                seen.add(item)
                yield item


def _below(argument: str) -> Iterator[str]:
    path = Path(argument)
    if is_url(argument) or not path.is_dir():
        yield argument
        return
    for file in sorted(path.rglob("*")):
        visible = not any(part.startswith(".") for part in file.relative_to(path).parts)
        if visible and file.is_file():
            yield str(file)
