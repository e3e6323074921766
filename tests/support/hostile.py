"""A call that means harm, and the multipart body it travels in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

BOUNDARY = "boundary7MA4YWxkTrZu0gW"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Call:
    """One POST: body and Content-Type."""

    body: bytes = field(repr=False)
    content_type: str = FORM


@dataclass(frozen=True)
class Hostile:
    """A named call that is built when it is needed."""

    name: str
    make: Callable[[], Call]


def upload(data: bytes, *, filename: str = "picture", kind: str | None = None) -> Call:
    """Return a form with one file; `kind` is the part's own Content-Type."""
    return Call(file_part(data, filename=filename, kind=kind) + end())


def file_part(data: bytes, *, name: str = "file", filename: str = "picture", kind: str | None = None) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    return part(head + (f"Content-Type: {kind}\r\n" if kind is not None else ""), data)


def text_part(name: str, value: str) -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"\r\n', value.encode())


def part(head: str, body: bytes) -> bytes:
    """Return one part with this head, lines ended by CRLF."""
    return f"--{BOUNDARY}\r\n{head}\r\n".encode() + body + b"\r\n"


def end() -> bytes:
    return f"--{BOUNDARY}--\r\n".encode()
