"""Five hundred hostile calls of POST /v1/detect/image: crafted ones first, the rest made by damaging good files.

The same number always gives the same calls, but for what is random in the files handed in (a signature). Every call is
built when it is needed, since some weigh megabytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from tests.support.crafted import crafted_calls
from tests.support.hostile import Call, Hostile, upload

SEED = 20_261_122
INLINE_LIMIT_BYTES = 4 * 1024 * 1024
HEADER_BYTES = 512
WILD_LENGTHS = (0, 1, 7, 8, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF)
TYPES = ("image/png", "image/jpeg", "application/x-sh", "text/html", "video/mp4", "", "image/svg+xml", "a/" + "b" * 300)
NAMES = ("x.exe", "../../etc/passwd", "a\u202egpj.png", "x.svg", ".jpg", "x" * 3000, "con", "%00.png", "x.tar.gz")

Mutate = Callable[[bytes, random.Random], bytes]


def hostile_calls(files: Mapping[str, bytes], signed: Mapping[str, bytes], *, count: int) -> list[Hostile]:
    """Return `count` calls; `files` are good pictures by name, `signed` those with a C2PA manifest."""
    calls = [*crafted_calls(files, signed)]
    calls += [damaged({**files, **signed}, number) for number in range(max(0, count - len(calls)))]
    return calls[:count]


def damaged(files: Mapping[str, bytes], number: int) -> Hostile:
    """Return call `number` of the random ones: one file, one to three mutations of it, a name and type that may lie."""
    rng = random.Random(SEED * 1000 + number)
    name = sorted(files)[number % len(files)]
    chosen = [rng.choice(list(MUTATIONS)) for _ in range(rng.choice((1, 1, 1, 2, 3)))]

    def make() -> Call:
        data = files[name]
        for mutation in chosen:
            data = MUTATIONS[mutation](data, rng)
        data = data[:INLINE_LIMIT_BYTES]
        lies = rng.random() < 0.2
        return upload(data, filename=rng.choice(NAMES) if lies else name, kind=rng.choice(TYPES) if lies else None)

    return Hostile(f"random {number}: {'+'.join(chosen)} of {name}", make)


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def truncate_head(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(min(len(data), HEADER_BYTES) + 1)]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    return _changed(data, [(rng.randrange(len(data)), 1 << rng.randrange(8)) for _ in range(_few(data, rng))])


def flip_header_bits(data: bytes, rng: random.Random) -> bytes:
    reach = min(len(data), HEADER_BYTES)
    return _changed(data, [(rng.randrange(reach), 1 << rng.randrange(8)) for _ in range(_few(data, rng))])


def shuffle_ranges(data: bytes, rng: random.Random) -> bytes:
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randint(2, 8)))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    body = parts[1:]  # the signature stays, so that a decoder is reached
    rng.shuffle(body)
    return b"".join([parts[0], *body])


def repeat_range(data: bytes, rng: random.Random) -> bytes:
    start, end = _range(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 2, 50)) + data[end:]


def drop_range(data: bytes, rng: random.Random) -> bytes:
    start, end = _range(data, rng)
    return data[:start] + data[end:]


def zero_range(data: bytes, rng: random.Random) -> bytes:
    start, end = _range(data, rng)
    return data[:start] + bytes(end - start) + data[end:]


def wild_length(data: bytes, rng: random.Random) -> bytes:
    """Overwrite two or four bytes, mostly in front, with a number that lengths and counts fear."""
    at = rng.randrange(min(len(data), HEADER_BYTES) if rng.random() < 0.7 else max(len(data), 1)) if data else 0
    size = rng.choice((2, 4))
    number = rng.choice(WILD_LENGTHS) & (1 << 8 * size) - 1
    return data[:at] + number.to_bytes(size, rng.choice(("big", "little"))) + data[at + size :]


def append_garbage(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.choice((1, 100, 70_000, 2_000_000)))


def prepend_garbage(data: bytes, rng: random.Random) -> bytes:
    return rng.choice((b"\x00", b"\xef\xbb\xbf", b"\r\n", rng.randbytes(64))) + data


MUTATIONS: Mapping[str, Mutate] = {
    mutate.__name__: mutate
    for mutate in (
        truncate,
        truncate_head,
        flip_bits,
        flip_header_bits,
        shuffle_ranges,
        repeat_range,
        drop_range,
        zero_range,
        wild_length,
        append_garbage,
        prepend_garbage,
    )
}


def _few(data: bytes, rng: random.Random) -> int:
    return rng.choice((1, 4, 16, 64)) if data else 0


def _range(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 16, 400, 8000)))


def _changed(data: bytes, flips: list[tuple[int, int]]) -> bytes:
    changed = bytearray(data)
    for at, mask in flips:
        changed[at] ^= mask
    return bytes(changed)
