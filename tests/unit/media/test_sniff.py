from __future__ import annotations

import pytest

from forensics.domain.errors import UnsupportedMediaType
from forensics.media.sniff import MediaKind, sniff

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
    b"#!AMR\n": MediaKind("amr", "audio"),
    b"\x1aE\xdf\xa3\x9fB\x86": MediaKind("webm", "video"),
}


@pytest.mark.parametrize("head", KINDS, ids=lambda head: KINDS[head].name)
def test_the_kind_is_told_by_the_first_bytes(head: bytes) -> None:
    assert sniff(head) == KINDS[head]


@pytest.mark.parametrize("data", [b"", b"\xff", b"RIFF\x00\x00\x00\x00XXXX", b"\x00\x00\x00\x18xtyp", b"PK\x03\x04"])
def test_anything_else_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        sniff(data)
