"""Hostile bytes: bombs, truncations and flipped bits cost little and never raise."""

from __future__ import annotations

import random
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.evidence import Provenance
from forensics.provenance import read_provenance
from forensics.provenance.findings import Findings, SourceFile
from forensics.provenance.packets import Packets
from forensics.provenance.reading import isolated, merge

MIB = 1 << 20
LONGEST_S = 5  # of processor time: what a bomb would cost is minutes, whatever else the machine does


def timed(data: bytes) -> tuple[Provenance, float]:
    start = time.process_time()
    return read_provenance(data, None), time.process_time() - start


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_zip_bombs_are_harmless(png_with: Callable[..., bytes], kind: bytes) -> None:
    bomb = zlib.compress(b"\x00" * (200 * MIB), 9)
    body = {b"zTXt": b"parameters\x00\x00", b"iTXt": b"parameters\x00\x01\x00\x00\x00", b"iCCP": b"icc\x00\x00"}[
        kind
    ] + bomb
    data = png_with(raw=((kind, body),))
    tracemalloc.start()
    read, seconds = timed(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 * MIB
    assert seconds < LONGEST_S
    assert read.evidence == ()
    assert bool(read.warnings) is (kind != b"iCCP")  # colour profiles are not opened at all


def test_many_small_bombs_meet_the_total_cap(png_with: Callable[..., bytes]) -> None:
    body = b"k\x00\x00" + zlib.compress(b"a" * (MIB - 1), 9)
    read, seconds = timed(png_with(raw=((b"zTXt", body),) * 200))
    assert seconds < LONGEST_S
    assert read.warnings == ("192 PNG text chunks were damaged or too large and were not read",)


def test_an_oversized_packet_is_told_and_dropped(encode: Callable[..., bytes]) -> None:
    read, seconds = timed(encode("WEBP", xmp=b"<x>" + b" " * (5 * MIB) + b"</x>"))
    assert seconds < LONGEST_S
    assert read.warnings == ("a metadata packet is larger than 4 MiB and was not read",)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * (MIB - 1),
        "Steps: 20," * 90_000,
        "\nSteps: 20, " + 'A: "' * 200_000,
        '{"1": {"class_type": "CheckpointLoader", "inputs": {"ckpt_name": "' + " " * 900_000 + '.ckpt"}}}',
        '{"nodes": ' + "[" * 500_000,
        '{"a": ' + "1" * 900_000 + "}",
    ],
    ids=["newlines", "steps", "quotes", "spaces", "depth", "digits"],
)
def test_no_text_makes_a_pattern_slow(png_with: Callable[..., bytes], text: str) -> None:
    _, seconds = timed(png_with({"parameters": text, "prompt": text, "Comment": text}))
    assert seconds < LONGEST_S


def test_deeply_nested_xmp_is_survived(encode: Callable[..., bytes]) -> None:
    depth = 200_000
    read, seconds = timed(encode("WEBP", xmp=b"<a>" * depth + b"</a>" * depth))
    assert seconds < LONGEST_S
    assert read.evidence == ()


def seeds(encode: Callable[..., bytes], png_with: Callable[..., bytes]) -> list[bytes]:
    exif = Image.Exif()
    exif[0x010F], exif[0x0131] = "Canon", "Midjourney"
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\x00" + "p\nSteps: 20, Sampler: Euler, Model: x".encode("utf-16-be")
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a/></x:xmpmeta>'
    small: NDArray[np.uint8] = np.full((24, 24, 3), 99, dtype=np.uint8)
    made = [encode(f, pixels=small, exif=exif, xmp=xmp) for f in ("JPEG", "WEBP", "AVIF")]
    text = zlib.compress(b"a\nSteps: 20, Sampler: Euler, Seed: 1, Model: sd15")
    return [
        *made,
        encode("TIFF", pixels=small, tiffinfo={700: xmp}),
        png_with({"Dream": "x"}, raw=((b"zTXt", b"parameters\x00\x00" + text),)),
    ]


def damage(data: bytes, random_: random.Random) -> bytes:
    if random_.random() < 0.3:
        return data[: random_.randrange(len(data) + 1)]
    changed = bytearray(data)
    for _ in range(random_.randint(1, 12)):
        # Headers and lengths lie in front, so half of the damage is done there.
        changed[random_.randrange(min(len(changed), 400) if random_.random() < 0.5 else len(changed))] = (
            random_.randrange(256)
        )
    return bytes(changed)


def test_damaged_files_never_raise_and_stay_fast(
    make_signer: Callable[..., Any], encode: Callable[..., bytes], png_with: Callable[..., bytes]
) -> None:
    action = {
        "action": "c2pa.created",
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    }
    manifest = {"title": "t", "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}
    files = [*seeds(encode, png_with), make_signer().sign(encode("JPEG"), "image/jpeg", manifest)]
    random_ = random.Random(20240501)
    for round_ in range(300):
        read, seconds = timed(damage(files[round_ % len(files)], random_))
        assert isinstance(read, Provenance)
        assert seconds < LONGEST_S
        assert all(len(warning) < 200 for warning in read.warnings)


@given(
    st.binary(max_size=600),
    st.sampled_from(
        [b"", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x00\x00\x00WEBP", b"II*\x00", b"MM\x00*"]
    ),
)
def test_arbitrary_bytes_never_raise(tail: bytes, head: bytes) -> None:
    read = read_provenance(head + tail, None)
    assert read.watermark is None


def test_a_fault_in_one_reader_leaves_the_others_standing() -> None:
    def broken(file: SourceFile) -> Findings:
        raise RuntimeError("secret text of the file")

    file = SourceFile(b"", Packets())
    read = merge((), (isolated(broken, file, name="XMP"), Findings(metadata={"tool": "t"})))
    assert read.warnings == ("the XMP metadata could not be read",)
    assert read.metadata == {"tool": "t"}


def test_the_first_reader_to_name_a_fact_wins() -> None:
    read = merge((), (Findings(metadata={"software": "a"}), Findings(metadata={"software": "b", "camera": "c"})))
    assert read.metadata == {"software": "a", "camera": "c"}
