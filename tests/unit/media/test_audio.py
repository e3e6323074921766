"""Decoding sound: every format, every odd file, in bounded memory."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.domain.errors import DetectorError, MediaCorrupt, UnsupportedMediaType
from forensics.media.audio import SAMPLE_RATE_HZ, AudioReader, decode_audio, open_audio

TONE_HZ = 440.0
FORMATS = (
    *(
        ("wav", "pcm_s16le", 16_000),
        ("mp3", "libmp3lame", 44_100),
        ("flac", "flac", 48_000),
        ("ogg", "libopus", 48_000),
    ),
    *(("adts", "aac", 44_100), ("ipod", "aac", 44_100), ("webm", "libopus", 48_000), ("aiff", "pcm_s16be", 22_050)),
    ("amr", "libopencore_amrnb", 8_000),
)


def tone(seconds: float, rate: int, *, hz: float = TONE_HZ, channels: int = 1) -> NDArray[np.float32]:
    wave = 0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def encoded(samples: NDArray[np.float32], rate: int, *, container: str, codec: str) -> bytes:
    """Encode float32 (channels, n) with FFmpeg."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[0]]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
    frame.sample_rate = rate
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(stream.format.name, layout, rate, stream.frame_size or None)
        for chunk in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(chunk))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def float_wav(samples: NDArray[np.float32], rate: int) -> bytes:
    body = samples.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, rate, rate * 4, 4, 32)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def loudest_hz(samples: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * SAMPLE_RATE_HZ / samples.size


@pytest.mark.parametrize(("container", "codec", "rate"), FORMATS)
def test_each_format_gives_the_tone_back(container: str, codec: str, rate: int) -> None:
    decoded = decode_audio(encoded(tone(2.0, rate), rate, container=container, codec=codec))
    assert decoded.samples.shape[0] == 1
    assert decoded.seconds == pytest.approx(2.0, abs=0.15)
    assert loudest_hz(decoded.samples[0]) == pytest.approx(TONE_HZ, abs=3)
    assert decoded.complete


@pytest.mark.parametrize("rate", [4_000, 192_000])
def test_extreme_rates_are_resampled(rate: int) -> None:
    decoded = decode_audio(
        encoded(tone(1.0, rate), rate, container="wav", codec="pcm_u8" if rate < 8000 else "pcm_s24le")
    )
    assert decoded.facts.sample_rate_hz == rate
    assert decoded.samples.shape[1] == pytest.approx(SAMPLE_RATE_HZ, rel=0.01)
    assert loudest_hz(decoded.samples[0]) == pytest.approx(TONE_HZ, abs=3)


def test_stereo_stays_two_channels_and_surround_is_mixed_down() -> None:
    left, right = tone(1.0, 16_000), tone(1.0, 16_000, hz=1000.0)
    stereo = decode_audio(encoded(np.concatenate([left, right]), 16_000, container="wav", codec="pcm_s16le"))
    assert [round(loudest_hz(c)) for c in stereo.samples] == [440, 1000]
    surround = decode_audio(encoded(tone(1.0, 16_000, channels=6), 16_000, container="wav", codec="pcm_s16le"))
    assert (surround.facts.channels, surround.samples.shape[0]) == (6, 1)


def test_samples_that_are_no_numbers_become_finite() -> None:
    samples = tone(1.0, 16_000)[0]
    samples[100:200], samples[300], samples[301] = np.nan, np.inf, -np.inf
    decoded = decode_audio(float_wav(samples, 16_000)).samples
    assert np.isfinite(decoded).all()
    assert np.abs(decoded).max() <= 1.0


def test_decoding_stops_at_the_limit_and_says_so() -> None:
    data = encoded(tone(5.0, 16_000), 16_000, container="wav", codec="pcm_s16le")
    decoded = decode_audio(data, max_seconds=2.0)
    assert decoded.seconds == 2.0
    assert not decoded.complete


def test_a_file_cut_short_gives_what_was_there() -> None:
    data = encoded(tone(4.0, 44_100), 44_100, container="mp3", codec="libmp3lame")
    assert decode_audio(data[: len(data) // 2]).seconds == pytest.approx(2.0, abs=0.2)


def test_blocks_are_small_whatever_the_length() -> None:
    data = encoded(tone(60.0, 16_000), 16_000, container="flac", codec="flac")
    with open_audio(data) as reader:
        sizes = [block.shape[1] for block in reader.blocks()]
    assert sum(sizes) == 60 * SAMPLE_RATE_HZ
    assert max(sizes) <= SAMPLE_RATE_HZ


@pytest.mark.parametrize(
    "data", [b"", b"not sound at all" * 40, b"RIFF\x24\x00\x00\x00WAVEfmt ", b"\xff\xfb" + bytes(50)]
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises((UnsupportedMediaType, MediaCorrupt)):
        decode_audio(data)


def test_a_picture_has_no_sound_track(photo: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        decode_audio(photo)


def test_two_hundred_mutations_end_in_sound_or_in_a_typed_error() -> None:
    rng = np.random.default_rng(0)
    originals = [encoded(tone(0.5, rate), rate, container=container, codec=codec) for container, codec, rate in FORMATS]
    ends = {"sound": 0, "error": 0}
    for number in range(200):
        data = bytearray(originals[number % len(originals)])
        for place in rng.integers(0, len(data), int(rng.integers(1, 30))):
            data[place] = int(rng.integers(256))
        ends[outcome(bytes(data))] += 1
    assert ends["sound"] > 50
    assert sum(ends.values()) == 200


def outcome(data: bytes) -> str:
    try:
        samples = decode_audio(data, max_seconds=30).samples
    except DetectorError:
        return "error"
    assert np.isfinite(samples).all()
    return "sound"


def test_a_reader_of_a_silent_container_is_not_made(photo: bytes) -> None:
    with av.open(io.BytesIO(photo)) as container, pytest.raises(UnsupportedMediaType):
        AudioReader(container, max_seconds=1.0)
