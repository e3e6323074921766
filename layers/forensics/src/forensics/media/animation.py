"""Pictures that move: the frames and delays of animated GIF, WebP and PNG files, read from their structure without a decoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

MAX_FRAMES = 10_000
_MAX_PIECES = 1_000_000  # of one walk: a turn of a Python loop each
_LEAST_DELAY_MS = 20  # browsers show what claims to be faster for a tenth of a second
_USUAL_DELAY_MS = 100

_PNG = b"\x89PNG\r\n\x1a\n"
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # extensions of a GIF that is shown again and again
_ANIMATED_WEBP = 2  # flag of VP8X
_END = -1  # told in place of a delay when a file is whole


@dataclass(frozen=True)
class Animation:
    """Format (gif | webp | png), pixels of the canvas, and how long each frame is shown, MAX_FRAMES + 1 at most."""

    name: str
    width: int
    height: int
    delays_ms: tuple[int, ...]


def is_animated(data: bytes) -> bool:
    """Tell whether a GIF, WebP or PNG has more than one frame; where its first bytes do not tell, whether they promise more."""
    told = shows_motion(data)
    return _announces(data) if told is None else told


def shows_motion(data: bytes) -> bool | None:
    """Tell whether a GIF, WebP or PNG has more than one frame, however often it is shown; None when more bytes are needed."""
    told = list(islice(_delays(data), 3))
    if sum(delay != _END for delay in told) > 1:
        return True
    return False if _END in told else None


def read_animation(data: bytes) -> Animation | None:
    """Return what a GIF, WebP or PNG file holds; None for any other, or when its header is cut short. One frame is fine."""
    shape = _canvas(data)
    if shape is None:
        return None
    delays = islice((d for d in _delays(data) if d != _END), MAX_FRAMES + 1)
    return Animation(*shape, tuple(d if d >= _LEAST_DELAY_MS else _USUAL_DELAY_MS for d in delays))


def _canvas(data: bytes) -> tuple[str, int, int] | None:
    if data.startswith(b"GIF8") and len(data) >= 10:
        return "gif", int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if _is_webp(data) and data[12:16] == b"VP8X" and len(data) >= 30:
        return "webp", 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if data.startswith(_PNG) and len(data) >= 24:
        return "png", int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return None


def _delays(data: bytes) -> Iterator[int]:
    """Yield each frame's delay in ms, and _END behind the last one when nothing is missing."""
    if data.startswith(b"GIF8"):
        yield from _gif(data)
    elif _is_webp(data):
        yield from _webp(data)
    elif data.startswith(_PNG):
        yield from _png(data)


def _announces(data: bytes) -> bool:
    if data.startswith(b"GIF8"):
        return any(loop in data[:4096] for loop in _LOOPS)
    if _is_webp(data):
        return data[12:16] == b"VP8X" and len(data) > 20 and bool(data[20] & _ANIMATED_WEBP)
    control = next((at for name, at in _chunks(data) if name in (b"acTL", b"IDAT")), 0)
    return data[control - 4 : control] == b"acTL" and int.from_bytes(data[control : control + 4], "big") > 1


def _gif(data: bytes) -> Iterator[int]:
    """Walk the blocks (GIF89a §B): extensions and images, each a row of sub-blocks of up to 255 bytes."""
    at = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    delay_ms, pieces = 0, 0
    while at < len(data) and pieces < _MAX_PIECES:
        kind = data[at]
        if kind == 0x3B:
            yield _END
            return
        if kind == 0x2C:
            if at + 10 > len(data):
                return
            yield delay_ms
            at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0)
        elif kind == 0x21:
            if data[at + 1 : at + 3] == b"\xf9\x04":
                delay_ms = 10 * int.from_bytes(data[at + 4 : at + 6], "little")
            at += 2
        else:
            return
        while at < len(data) and data[at] and pieces < _MAX_PIECES:
            at += 1 + data[at]
            pieces += 1
        at, pieces = at + 1, pieces + 1


def _webp(data: bytes) -> Iterator[int]:
    """Walk the RIFF chunks; a frame's duration are 24 bits in the header of its ANMF chunk. Without its flag there are none."""
    if len(data) > 20 and not (data[12:16] == b"VP8X" and data[20] & _ANIMATED_WEBP):
        yield _END
        return
    at, end = 12, 8 + int.from_bytes(data[4:8], "little")
    for _ in range(_MAX_PIECES):
        if at + 8 > min(len(data), end):
            break
        if data[at : at + 4] == b"ANMF" and at + 24 <= len(data):
            yield int.from_bytes(data[at + 20 : at + 23], "little")
        at += 8 + (int.from_bytes(data[at + 4 : at + 8], "little") + 1 & ~1)
    if at >= end:
        yield _END


def _png(data: bytes) -> Iterator[int]:
    """Walk the chunks; a frame's delay is a fraction of a second in its fcTL chunk, hundredths when nothing is below it.

    A PNG whose picture begins before acTL is a still (PNG 3rd edition, 11.3.6.1).
    """
    animated = False
    for number, (name, at) in enumerate(_chunks(data)):
        animated = animated or name == b"acTL"
        if name == b"IDAT" and not animated:
            yield _END
            return
        if name == b"fcTL" and at + 24 <= len(data):
            above, below = (int.from_bytes(data[i : i + 2], "big") for i in (at + 20, at + 22))
            yield round(1000 * above / (below or 100))
        if name == b"IEND":
            yield _END
        if name == b"IEND" or number > _MAX_PIECES:
            return


def _chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the name and the place of the body of every chunk of a PNG."""
    at = len(_PNG)
    while at + 8 <= len(data):
        yield data[at + 4 : at + 8], at + 8
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _is_webp(data: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"
