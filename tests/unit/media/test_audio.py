"""Decoding sound: every format, every odd file, in bounded memory."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.domain.errors import (
    DetectorError,
    MediaCorrupt,
    MediaTooLong,
    MediaTypeMismatch,
    UnsupportedMediaType,
)
from forensics.media.audio import SAMPLE_RATE_HZ, AudioReader, decode_audio, open_audio
from forensics.media.resampling import BLOCK_SAMPLES, MAX_FORMAT_CHANGES, Resampler
from tests.support.sounds import (
    TONE_HZ,
    Encoding,
    encoded,
    encoded_blocks,
    film,
    float_wav,
    tone,
    wav_of,
)

WAV = Encoding("wav", "pcm_s16le", 16_000)
FORMATS = (
    *(Encoding("wav", "pcm_s16le", 16_000), Encoding("mp3", "libmp3lame", 44_100), Encoding("flac", "flac", 48_000)),
    *(Encoding("ogg", "libopus", 48_000), Encoding("adts", "aac", 44_100), Encoding("ipod", "aac", 44_100)),
    *(Encoding("webm", "libopus", 48_000), Encoding("aiff", "pcm_s16be", 22_050), Encoding("caf", "pcm_s16be", 16_000)),
    *(Encoding("amr", "libopencore_amrnb", 8_000), Encoding("au", "pcm_s16be", 8_000)),
    Encoding("asf", "wmav2", 44_100, 64_000),
)


def loudest_hz(samples: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * SAMPLE_RATE_HZ / samples.size


@pytest.mark.parametrize("encoding", FORMATS, ids=lambda e: e.container)
def test_each_format_gives_the_tone_back(encoding: Encoding) -> None:
    decoded = decode_audio(encoded(tone(2.0, encoding.rate_hz), encoding))
    assert decoded.samples.shape[0] == 1
    assert decoded.seconds == pytest.approx(2.0, abs=0.15)
    assert loudest_hz(decoded.samples[0]) == pytest.approx(TONE_HZ, abs=3)
    assert decoded.complete


@pytest.mark.parametrize("rate", [4_000, 192_000])
def test_extreme_rates_are_resampled(rate: int) -> None:
    codec = "pcm_u8" if rate < 8000 else "pcm_s24le"
    decoded = decode_audio(encoded(tone(1.0, rate), Encoding("wav", codec, rate)))
    assert decoded.facts.sample_rate_hz == rate
    assert decoded.samples.shape[1] == pytest.approx(SAMPLE_RATE_HZ, rel=0.01)
    assert loudest_hz(decoded.samples[0]) == pytest.approx(TONE_HZ, abs=3)


def test_stereo_stays_two_channels_and_surround_is_mixed_down() -> None:
    left, right = tone(1.0, 16_000), tone(1.0, 16_000, hz=1000.0)
    stereo = decode_audio(encoded(np.concatenate([left, right]), WAV))
    assert [round(loudest_hz(c)) for c in stereo.samples] == [440, 1000]
    surround = decode_audio(encoded(tone(1.0, 16_000, channels=6), WAV))
    assert (surround.facts.channels, surround.samples.shape[0]) == (6, 1)


def test_samples_that_are_no_numbers_become_finite() -> None:
    samples = tone(1.0, 16_000)[0]
    samples[100:200], samples[300], samples[301] = np.nan, np.inf, -np.inf
    decoded = decode_audio(float_wav(samples)).samples
    assert np.isfinite(decoded).all()
    assert np.abs(decoded).max() <= 1.0


def test_decoding_stops_at_the_limit_and_says_so() -> None:
    decoded = decode_audio(encoded(tone(5.0, 16_000), WAV), max_seconds=2.0)
    assert decoded.seconds == 2.0
    assert not decoded.complete


def test_a_file_cut_short_gives_what_was_there() -> None:
    data = encoded(tone(4.0, 44_100), Encoding("mp3", "libmp3lame", 44_100))
    assert decode_audio(data[: len(data) // 2]).seconds == pytest.approx(2.0, abs=0.2)


def test_blocks_are_small_whatever_the_length() -> None:
    with open_audio(encoded(tone(60.0, 16_000), Encoding("flac", "flac", 16_000))) as reader:
        sizes = [block.shape[1] for block in reader.blocks()]
    assert sum(sizes) == 60 * SAMPLE_RATE_HZ
    assert len(sizes) <= 60 and max(sizes) < 1.5 * BLOCK_SAMPLES


@pytest.mark.parametrize(
    "data", [b"", b"not sound at all" * 40, b"RIFF\x24\x00\x00\x00WAVEfmt ", b"\xff\xfb" + bytes(50)]
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises((UnsupportedMediaType, MediaCorrupt)):
        decode_audio(data)


def test_a_picture_has_no_sound_track(photo: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        decode_audio(photo)


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "webm", "avi"])
def test_the_sound_of_a_film_is_decoded_and_a_silent_film_is_refused(container: str) -> None:
    decoded = decode_audio(film(container, samples=tone(2.0, 48_000)))
    assert decoded.seconds == pytest.approx(2.0, abs=0.15)
    assert loudest_hz(decoded.samples[0]) == pytest.approx(TONE_HZ, abs=3)
    with pytest.raises(MediaTypeMismatch, match="no sound"):
        decode_audio(film(container, sound=False))


@pytest.mark.parametrize("head", [b"", b"ID3\x04\x00\x00\x00\x00\x00\x00"])
@pytest.mark.parametrize(
    "playlist",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n" + b"#" * 2000,
        b"v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ],
)
def test_playlists_that_lead_elsewhere_are_no_sound(head: bytes, playlist: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        decode_audio(head + playlist)


def seconds_heard(data: bytes, *, max_seconds: float) -> float:
    with open_audio(data, max_seconds=max_seconds) as reader:
        return sum(block.shape[1] for block in reader.blocks()) / SAMPLE_RATE_HZ


@pytest.mark.parametrize("encoding", FORMATS, ids=lambda e: e.container)
def test_what_is_longer_than_the_limit_is_refused(encoding: Encoding) -> None:
    data = encoded(tone(6.0, encoding.rate_hz), encoding)
    with pytest.raises(MediaTooLong, match=r"at most 0\.05 minutes"):
        seconds_heard(data, max_seconds=3.0)
    assert seconds_heard(data, max_seconds=6.0) == pytest.approx(6.0, abs=0.15)  # padding of the encoder is forgiven


def test_a_declared_length_is_believed_only_when_the_packets_bear_it_out() -> None:
    honest = encoded(tone(6.0, 44_100), Encoding("flac", "flac", 44_100))
    with pytest.raises(MediaTooLong), open_audio(honest, max_seconds=3.0):
        pytest.fail("the length was known before anything was decoded")
    samples = struct.pack(">Q", 6 * 44_100)[3:]  # 36 bits of STREAMINFO
    at = honest.index(samples[1:])
    boastful = honest[:at] + struct.pack(">I", 3600 * 44_100) + honest[at + 4 :]
    with open_audio(boastful, max_seconds=8.0) as reader:
        assert reader.facts.declared_s == pytest.approx(3600, abs=1)
        assert sum(block.shape[1] for block in reader.blocks()) / SAMPLE_RATE_HZ == pytest.approx(6.0, abs=0.01)
    humble = honest[:at] + struct.pack(">I", 44_100) + honest[at + 4 :]
    with open_audio(humble, max_seconds=3.0) as reader, pytest.raises(MediaTooLong):
        list(reader.blocks())


@pytest.mark.parametrize("size", [0, 1, 31_999, 320_000, 0x7FFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFF])
@pytest.mark.parametrize("which", ["data_size", "riff_size"])
def test_wrong_lengths_in_a_wav_header_end_in_sound_or_in_a_typed_error(which: str, size: int) -> None:
    body = (tone(1.0, 16_000)[0] * 32_767).astype("<i2").tobytes()
    data = wav_of(body, data_size=size) if which == "data_size" else wav_of(body, riff_size=size)
    try:
        assert seconds_heard(data, max_seconds=60) <= 1.01
    except MediaCorrupt:
        assert size <= 1


@pytest.mark.parametrize("rate_hz", [0, 1, 999, 768_001, 10**9, 2**31])
def test_rates_out_of_bounds_cost_nothing(rate_hz: int) -> None:
    with pytest.raises((MediaCorrupt, MediaTooLong, UnsupportedMediaType)):
        decode_audio(wav_of(bytes(32_000), rate_hz=rate_hz))


@pytest.mark.parametrize("channels", [3, 6, 8, 9, 32, 64, 255, 65_535])
def test_any_number_of_channels_ends_in_one_or_in_a_typed_error(channels: int) -> None:
    try:
        decoded = decode_audio(wav_of(bytes(channels * 2 * 160), channels=channels))
    except (MediaCorrupt, UnsupportedMediaType):
        assert channels > 8
    else:
        assert decoded.samples.shape[0] == 1


def test_a_damaged_place_is_left_out_and_the_rest_is_heard() -> None:
    data = bytearray(encoded(tone(8.0, 48_000), Encoding("ogg", "libopus", 48_000)))
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    decoded = decode_audio(bytes(data))
    assert decoded.seconds > 6.0


def frames(rates: list[int]) -> Iterator[av.AudioFrame]:
    for rate in rates:
        frame = av.AudioFrame.from_ndarray(tone(0.1, rate), format="fltp", layout="mono")
        frame.sample_rate = rate
        yield frame


def test_a_rate_that_changes_half_way_is_followed_and_one_that_never_rests_is_not() -> None:
    resampler = Resampler()
    blocks = [block for frame in frames([8_000] * 10 + [48_000] * 10) for block in resampler.push(frame)]
    heard = np.concatenate([*blocks, *resampler.close()], axis=1)
    assert heard.shape[1] == pytest.approx(2 * SAMPLE_RATE_HZ, rel=0.01)
    restless = Resampler()
    with pytest.raises(ValueError, match="changes too often"):
        for frame in frames([8_000, 16_000] * MAX_FORMAT_CHANGES):
            list(restless.push(frame))


def test_samples_beyond_all_bounds_stay_finite_when_squared() -> None:
    samples = tone(1.0, 16_000)[0]
    samples[::50] = 3e38
    decoded = decode_audio(float_wav(samples)).samples
    assert np.isfinite(decoded**2).all()


@pytest.mark.slow
def test_an_hour_is_decoded_and_two_are_refused() -> None:
    silence = np.zeros((1, 60 * 16_000), dtype=np.float32)
    flac = Encoding("flac", "flac", 16_000)
    assert seconds_heard(encoded_blocks((silence for _ in range(60)), flac), max_seconds=3600) == 3600
    with pytest.raises(MediaTooLong):
        seconds_heard(encoded_blocks((silence for _ in range(61)), flac), max_seconds=3600)


def test_two_hundred_mutations_end_in_sound_or_in_a_typed_error() -> None:
    rng = np.random.default_rng(0)
    originals = [encoded(tone(0.5, encoding.rate_hz), encoding) for encoding in FORMATS]
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
    with av.open(io.BytesIO(photo)) as container, pytest.raises(MediaTypeMismatch):
        AudioReader(container, max_seconds=1.0)
