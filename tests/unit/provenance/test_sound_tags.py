"""Tags of sound files as FFmpeg and hand-made bytes carry them, and manifests signed into sound."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping
from typing import cast

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from forensics.domain.evidence import Claim, Provenance
from forensics.domain.scores import Detection, OperatingMode, OperatingPoint, Thresholds
from forensics.domain.verdict import Verdict, decide
from forensics.provenance import read_provenance
from forensics.provenance.sound_tags import MAX_TAGS, read_sound_tags
from tests.support.signing import Signer, manifest
from tests.support.sounds import wav

FORMATS = {"mp3": "mp3", "flac": "flac", "ogg": "libopus", "ipod": "aac", "wav": "pcm_s16le", "aiff": "pcm_s16be"}
LABEL = json.dumps({"AIGC": {"Label": "1", "ContentProducer": "a service"}})
POINT = OperatingPoint(0.01, 0.5, "a test")
MODE = OperatingMode(Thresholds(0.8, 0.2), POINT)


def encoded(container: str, tags: Mapping[str, str]) -> bytes:
    """Return a second of a tone in a container, with tags as FFmpeg writes them."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        out.metadata.update(tags)
        stream = cast(AudioStream, out.add_stream(FORMATS[container], rate=48_000, layout="mono"))
        tone = (np.sin(np.arange(48_000) / 20) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(stream.format.name, "mono", 48_000, stream.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def read(data: bytes) -> Provenance:
    return read_provenance(data, None)


@pytest.mark.parametrize("container", [c for c in FORMATS if c != "aiff"])
def test_a_services_credit_line_decides_in_every_container(container: str) -> None:
    found = read(encoded(container, {"comment": "made with suno; created=2025-10-08T16:20:02Z; id=1"}))
    (evidence,) = found.evidence
    assert (evidence.claim, evidence.generator) == (Claim.SYNTHETIC, "suno")
    unsure = Detection(score=0.1, normal=MODE, strict=MODE, models=())
    assert decide(unsure, found, strict=False).verdict is Verdict.SYNTHETIC


@pytest.mark.parametrize("container", ["mp3", "flac", "ogg", "wav", "ipod"])
def test_ordinary_encoders_are_facts_and_no_evidence(container: str) -> None:
    found = read(encoded(container, {"title": "ElevenLabs reviewed", "comment": "We talk about Suno and ElevenLabs."}))
    assert found.evidence == ()
    assert found.metadata is not None
    assert "lav" in found.metadata["software"].lower()


def test_a_program_that_is_a_generator_decides() -> None:
    (evidence,) = read(encoded("mp3", {"encoded_by": "ElevenLabs"})).evidence
    assert (evidence.strength, evidence.generator) == (0.92, "elevenlabs")


def test_the_ai_content_label_is_read() -> None:
    data = encoded("flac", {"AIGC": LABEL})
    (evidence,) = read(data).evidence
    assert (evidence.claim, evidence.strength) == (Claim.SYNTHETIC, 0.95)
    (doubtful,) = read(data.replace(b'"1"', b'"2"')).evidence
    assert doubtful.strength == 0.7
    assert read(data.replace(b'"1"', b'"7"')).evidence == ()
    (in_mp3,) = read(encoded("mp3", {"AIGC": LABEL})).evidence
    assert in_mp3.strength == 0.95


def test_aiff_annotations_are_read() -> None:
    note = b"Created with ElevenLabs"
    chunk = b"ANNO" + struct.pack(">I", len(note)) + note + b"\x00" * (len(note) & 1)
    data = encoded("aiff", {})
    (evidence,) = read(data + chunk).evidence
    assert evidence.generator == "elevenlabs"


def test_old_and_utf16_id3_frames_are_read() -> None:
    text = b"\x01" + "ElevenLabs".encode("utf-16")
    frame = b"TEN" + len(text).to_bytes(3, "big") + text
    size = bytes([0, 0, len(frame) >> 7, len(frame) & 0x7F])
    assert read_sound_tags(b"ID3\x02\x00\x00" + size + frame) == {"ten": "ElevenLabs"}


@pytest.mark.parametrize("container", FORMATS)
def test_damaged_tags_yield_nothing_worse_than_nothing(container: str) -> None:
    data = encoded(container, {"comment": "made with suno", "title": "x" * 300})
    random = np.random.default_rng(3)
    for _ in range(60):
        broken = bytearray(data[: int(random.integers(4, min(len(data), 4000)))])
        for at in random.integers(4, len(broken) + 1, 6):
            broken[min(int(at), len(broken) - 1)] = int(random.integers(256))
        assert len(read_sound_tags(bytes(broken))) <= MAX_TAGS


@pytest.mark.parametrize(
    ("container", "mime"), [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("ipod", "audio/mp4"), ("flac", "audio/flac")]
)
def test_signed_sound_says_what_made_it(make_signer: Callable[..., Signer], container: str, mime: str) -> None:
    said = manifest("trainedAlgorithmicMedia", agent="Eleven Multilingual v2", tool="ElevenLabs")
    plain = wav(seconds=1) if container == "wav" else encoded(container, {})
    found = read(make_signer("Eleven Labs Inc.").sign(plain, mime, said))
    assert found.c2pa is not None
    assert found.c2pa.state == "Valid"
    assert (found.evidence[0].claim, found.evidence[0].generator) == (Claim.SYNTHETIC, "elevenlabs")
