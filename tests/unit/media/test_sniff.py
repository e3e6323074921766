from __future__ import annotations

import random

import pytest

from forensics.domain.errors import MediaTypeMismatch, UnsupportedMediaType
from forensics.media.sniff import SNIFF_BYTES, MediaKind, expect, sniff
from tests.support.sounds import Encoding, encoded, film, tone

KINDS = {
    b"\xff\xd8\xff\xe0\x00\x10JFIF": MediaKind("jpeg", "image"),
    b"II*\x00\x08\x00\x00\x00": MediaKind("tiff", "image"),
    b"RIFF\x24\x00\x00\x00WEBPVP8 ": MediaKind("webp", "image"),
    b"RIFF\x24\x00\x00\x00WAVEfmt ": MediaKind("wav", "audio"),
    b"RIFF\x24\x00\x00\x00AVI LIST": MediaKind("avi", "video"),
    b"FORM\x00\x00\x00\x24AIFFCOMM": MediaKind("aiff", "audio"),
    b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1avif": MediaKind("avif", "image"),
    b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00avifmif1": MediaKind("avif", "image"),
    b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic": MediaKind("heic", "image"),
    b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00isom": MediaKind("m4a", "audio"),
    b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41": MediaKind("mp4", "video"),
    b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ": MediaKind("mp4", "video"),
    b"ID3\x04\x00": MediaKind("mp3", "audio"),
    b"\xff\xfb\x90\x64": MediaKind("mp3", "audio"),
    b"\xff\xf1\x50\x80": MediaKind("aac", "audio"),
    b"fLaC\x00\x00": MediaKind("flac", "audio"),
    b"OggS\x00\x02": MediaKind("ogg", "audio"),
    b"caff\x00\x01": MediaKind("caf", "audio"),
    b".snd\x00\x00": MediaKind("au", "audio"),
    b"#!AMR\n": MediaKind("amr", "audio"),
    b"\x1aE\xdf\xa3\x9fB\x86": MediaKind("matroska", "video"),
    b"\x1aE\xdf\xa3\x87\x42\x82\x84webm": MediaKind("webm", "video"),
}


@pytest.mark.parametrize("head", KINDS, ids=lambda head: KINDS[head].name)
def test_the_kind_is_told_by_the_first_bytes(head: bytes) -> None:
    assert sniff(head) == KINDS[head]


@pytest.mark.parametrize("data", [b"", b"\xff", b"RIFF\x00\x00\x00\x00XXXX", b"\x00\x00\x00\x18xtyp", b"PK\x03\x04"])
def test_anything_else_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        sniff(data)


SOUND_ONLY = {
    "ogg": Encoding("ogg", "libopus", 48_000),
    "webm": Encoding("webm", "libopus", 48_000),
    "matroska": Encoding("matroska", "aac", 44_100),
    "wma": Encoding("asf", "wmav2", 44_100, 64_000),
}


@pytest.mark.parametrize("name", SOUND_ONLY)
def test_a_container_of_films_that_holds_sound_alone_is_audio(name: str) -> None:
    head = encoded(tone(0.5, SOUND_ONLY[name].rate_hz), SOUND_ONLY[name])[:SNIFF_BYTES]
    assert sniff(head) == MediaKind(name, "audio")


def test_an_mp4_tells_by_its_track_list_when_that_is_at_hand() -> None:
    data = encoded(tone(0.5, 44_100), Encoding("mp4", "aac", 44_100))
    assert sniff(data) == MediaKind("mp4", "audio")
    assert sniff(data[:1000]) == MediaKind("mp4", "video")  # the list lies at the end of this file


@pytest.mark.parametrize(
    ("container", "name"), [("mp4", "mp4"), ("mov", "mp4"), ("matroska", "matroska"), ("webm", "webm"), ("asf", "wmv")]
)
@pytest.mark.parametrize("sound", [True, False])
def test_a_film_is_video_with_and_without_sound(container: str, name: str, sound: bool) -> None:
    data = film(container, sound=sound)
    assert sniff(data) == sniff(data[:SNIFF_BYTES]) == MediaKind(name, "video")
    assert expect(data, medium="audio").media_type == "video"
    with pytest.raises(MediaTypeMismatch):
        expect(data, medium="image")


def test_hostile_track_lists_end() -> None:
    rng = random.Random(0)
    heads = [encoded(tone(0.2, e.rate_hz), e) for e in SOUND_ONLY.values()] + [film("mp4"), film("webm")]
    for number in range(600):
        data = bytearray(heads[number % len(heads)][:SNIFF_BYTES])
        for _ in range(rng.choice((1, 8, 64))):
            data[rng.randrange(16, len(data))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
        assert sniff(bytes(data)).media_type in ("audio", "video")
    endless = b"\x1aE\xdf\xa3\x80" + b"\x18\x53\x80\x67\xff" * 100_000
    assert sniff(endless).media_type == "video"
    assert sniff(b"\x00\x00\x00\x08ftyp" + b"\x00\x00\x00\x00moov" * 100_000).media_type == "video"
