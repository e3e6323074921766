"""Two hundred hostile films: crafted ones first, the rest made by damaging good ones.

The same number always gives the same film. Each is built when it is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np

from tests.support.films import Film, film, still_film
from tests.support.hostile import Call, Hostile, upload
from tests.support.mutations import damaged
from tests.support.sounds import wav

MAX_I32, MAX_U32 = 0x7FFF_FFFF, 0xFFFF_FFFF
WILD = (0, 7, MAX_I32)
BOXES = (b"moov", b"trak", b"mdia", b"stbl", b"stsd", b"stts", b"stsz", b"stco", b"mdat", b"elst")
CHUNKS = (b"LIST", b"avih", b"strf", b"idx1")
HUGE_PX = 65_535
SPEC = Film(seconds=3.0, sound=True)
FILMS = {
    "h264.mp4": SPEC,
    "mpeg4.mov": replace(SPEC, container="mov", codec="mpeg4"),
    "h264.matroska": replace(SPEC, container="matroska"),
    "vp8.webm": replace(SPEC, container="webm", codec="libvpx"),
    "mpeg4.avi": replace(SPEC, container="avi", codec="mpeg4", sound=False),
    "flv1.flv": replace(SPEC, container="flv", codec="flv1", sound=False),
    "h264.mpegts": replace(SPEC, container="mpegts", sound=False),
}

Make = Callable[[], bytes]


def good_films() -> dict[str, bytes]:
    """Return three seconds of film in every container."""
    return {name: film(spec) for name, spec in FILMS.items()}


def hostile_films(files: Mapping[str, bytes], *, count: int) -> list[Hostile]:
    """Return `count` calls; `files` are good films by name."""
    calls = [Hostile(name, partial(_upload, make)) for name, make in _crafted(files).items()]
    return [*calls, *(damaged(files, number) for number in range(max(0, count - len(calls))))][:count]


def _upload(make: Make) -> Call:
    return upload(make(), filename="film")


def _crafted(files: Mapping[str, bytes]) -> dict[str, Make]:
    mp4 = files["h264.mp4"]
    made = {**_bombs(), **_tables(mp4), **_nests(mp4), **_stumps(files), **_matroska(files["h264.matroska"])}
    return made | dict(_lengths(files))


def _lengths(files: Mapping[str, bytes]) -> Iterator[tuple[str, Make]]:
    """Wild lengths of boxes and chunks: the four bytes before a box's name, after a chunk's."""
    for name, marks, order in (("h264.mp4", BOXES, ">I"), ("mpeg4.avi", CHUNKS, "<I")):
        data = files[name]
        for mark in marks:
            at = data.find(mark)
            place = at + 4 if order == "<I" else at - 4
            for length in WILD if at > 0 else ():
                wild = data[:place] + struct.pack(order, length) + data[place + 4 :]
                yield f"length {length} of {mark.decode()} in {name}", partial(bytes, wild)


def _bombs() -> dict[str, Make]:
    """Small files that would cost minutes or gigabytes."""
    large = Film(container="matroska", width=4096, height=2304, seconds=24, fps=10)
    return {
        "4K without a keyframe": partial(still_film, large),
        "8K without a keyframe": partial(still_film, replace(large, width=7680, height=4320, seconds=40, fps=2)),
        "an hour of nothing": partial(still_film, Film(width=16, height=16, seconds=3600, fps=1)),
        "29 minutes of nothing": partial(still_film, Film(width=16, height=16, seconds=1740, fps=30)),
        "a thousand frames a second": partial(still_film, Film(width=16, height=16, seconds=60, fps=1000)),
        "stamps hours apart": partial(film, Film(stamps_s=(0.0, 1.0, 700_000.0))),
        "a strip": partial(film, Film(width=8000, height=2, seconds=1, codec="mpeg4")),
        "a needle": partial(film, Film(width=2, height=8000, seconds=1, codec="mpeg4")),
        "a picture of 65535 pixels": partial(_jpeg_film, HUGE_PX),
        "a picture of 8192 pixels": partial(_jpeg_film, 8192),
    }


def _jpeg_film(size: int) -> bytes:
    """An AVI whose JPEG frames claim another size than they have."""
    data = bytearray(film(Film(container="avi", codec="mjpeg", seconds=1)))
    at = -1
    while (at := data.find(b"\xff\xc0", at + 1)) >= 0:
        struct.pack_into(">HH", data, at + 5, size, size)
    return bytes(data)


def _patched(data: bytes, box: bytes, at: int, *values: int) -> bytes:
    start = data.index(box) + 4 + at
    fields = struct.pack(f">{len(values)}I", *values)
    return data[:start] + fields + data[start + len(fields) :]


def _tables(mp4: bytes) -> dict[str, Make]:
    """Sample tables, durations and sizes that lie."""
    made: dict[str, bytes] = {}
    for box, at in ((b"mvhd", 16), (b"mdhd", 16), (b"tkhd", 20)):
        made |= {f"{box.decode()} lasts {n}": _patched(mp4, box, at, n) for n in (0, 1, MAX_U32)}
    for box, at in ((b"mvhd", 12), (b"mdhd", 12)):
        made |= {f"{box.decode()} has {n} ticks a second": _patched(mp4, box, at, n) for n in (0, 1, MAX_U32)}
    for box in (b"stsz", b"stts", b"stsc", b"stco", b"elst", b"stsd", b"stss"):
        at = 8 if box == b"stsz" else 4
        if box in mp4:
            made |= {f"{box.decode()} of {n} entries": _patched(mp4, box, at, n) for n in (0, 900_000, MAX_U32)}
    made["every frame lasts for years"] = _patched(mp4, b"stts", 12, MAX_I32)
    made["frames without duration"] = _patched(mp4, b"stts", 12, 0)
    wide = mp4.index(b"avc1") + 4 + 24
    for size in (0, 1, 16_384, HUGE_PX):
        made[f"avc1 of {size} pixels"] = mp4[:wide] + struct.pack(">HH", size, size) + mp4[wide + 4 :]
    made["an edit list of 100,000 edits"] = _with_edits(mp4, 100_000)
    made["an edit list without end"] = _with_edits(mp4, 3, duration=MAX_U32)
    return {name: partial(bytes, data) for name, data in made.items()}


def _with_edits(mp4: bytes, count: int, *, duration: int = 1) -> bytes:
    """Return the film with another edit list in its first track; the index lies behind the media, so that offsets hold."""
    edits = struct.pack(">IIi", duration, 0, 1 << 16) * count
    box = struct.pack(">I4sI4sII", 16 + 8 + len(edits), b"edts", 8 + 8 + len(edits), b"elst", 0, count) + edits
    at, size = _box(mp4, b"edts")
    grown = bytearray(mp4[:at] + box + mp4[at + size :])
    for name in (b"moov", b"trak"):
        place = grown.index(name) - 4
        struct.pack_into(">I", grown, place, struct.unpack_from(">I", grown, place)[0] + len(box) - size)
    return bytes(grown)


def _box(data: bytes, name: bytes) -> tuple[int, int]:
    at = data.index(name) - 4
    return at, struct.unpack_from(">I", data, at)[0]


def _nests(mp4: bytes) -> dict[str, Make]:
    """Boxes in boxes, and very many beside each other."""
    head = mp4[: _box(mp4, b"ftyp")[1]]
    at, size = _box(mp4, b"trak")
    track = mp4[at : at + size]

    def nested(name: bytes, depth: int) -> bytes:
        return head + b"".join(struct.pack(">I4s", 8 * (depth - n), name) for n in range(depth))

    def movie(body: bytes) -> bytes:
        return head + struct.pack(">I4s", 8 + len(body), b"moov") + body

    fragment = struct.pack(">I4sI4sI4sII", 32, b"moof", 24, b"traf", 16, b"trun", 0, 1000)
    return {
        "moov in moov": partial(nested, b"moov", 100_000),
        "meta in meta": partial(nested, b"meta", 100_000),
        "udta in udta": partial(nested, b"udta", 100_000),
        "2,000 tracks": lambda: movie(track * 2000),
        "100,000 empty tracks": lambda: movie(struct.pack(">I4s", 8, b"trak") * 100_000),
        "100,000 fragments": lambda: mp4 + fragment * 100_000,
        "a million free boxes": lambda: head + struct.pack(">I4s", 8, b"free") * 400_000,
    }


def _matroska(data: bytes) -> dict[str, Make]:
    """EBML that goes deep, repeats itself or declares what is not there."""
    segment = data.index(b"\x18\x53\x80\x67")
    head = data[:segment] + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
    seek_head = b"\x11\x4d\x9b\x74\x8e\x4d\xbb\x8b\x53\xab\x84\x11\x4d\x9b\x74\x53\xac\x81\x00"
    duration = data.index(b"\x44\x89\x88")
    made = {f"lasts {v} in Matroska": data[: duration + 3] + struct.pack(">d", v) + data[duration + 11 :]
            for v in (-1.0, 0.0, 1e300, float("nan"), float("inf"))}  # fmt: skip
    made |= {
        "seek heads that lead to themselves": head + seek_head * 10_000,
        "tracks in tracks": head + b"\x16\x54\xae\x6b\x01\xff\xff\xff\xff\xff\xff\xff" * 50_000,
        "clusters of nothing": data + b"\x1f\x43\xb6\x75\x83\xe7\x81\x00" * 200_000,
    }
    return {name: partial(bytes, film_) for name, film_ in made.items()}


def _stumps(files: Mapping[str, bytes]) -> dict[str, Make]:
    """Heads without a body, and other things than film."""
    rng = np.random.default_rng(0)
    mp4, mkv = files["h264.mp4"], files["h264.matroska"]
    made = {f"the first {n} bytes of {name}": data[:n] for name, data in islice(files.items(), 4) for n in (40, 900)}
    made |= {
        "an index without media": mp4[: _box(mp4, b"mdat")[0]] + mp4[slice(_box(mp4, b"moov")[0], None)],
        "media without an index": mp4[: _box(mp4, b"moov")[0]],
        "noise behind ftyp": mp4[:32] + rng.bytes(200_000),
        "noise behind EBML": mkv[:48] + rng.bytes(200_000),
        "noise behind RIFF": files["mpeg4.avi"][:300] + rng.bytes(200_000),
        "transport packets of nothing": (b"\x47\x1f\xff\x10" + bytes(184)) * 10_000,
        "program streams of nothing": b"\x00\x00\x01\xba" * 200_000,
        "two films": mp4 + mp4,
        "film in film": mp4[:32] + mkv,
        "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "an external track": mp4.replace(b"url \x00\x00\x00\x01", b"url \x00\x00\x00\x00") + b"file:///etc/passwd",
        "sound": wav(seconds=1),
        "nothing but zeros": bytes(500_000),
    }
    return {name: partial(bytes, data) for name, data in made.items()}
