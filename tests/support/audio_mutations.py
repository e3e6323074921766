"""Three hundred hostile calls of POST /v1/detect/audio: crafted ones first, the rest made by damaging good recordings.

The same number always gives the same call. Each is built when it is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from bench.voice import voice
from tests.support.hostile import Call, Hostile, upload
from tests.support.mutations import damaged
from tests.support.sounds import FLOAT, PCM, Encoding, Samples, encoded, encoded_blocks, film, tone, wav_of

MAX_I32, MAX_U32 = 0x7FFF_FFFF, 0xFFFF_FFFF
WILD = (0, 1, 7, MAX_I32, 0x8000_0000, MAX_U32)
# Names of chunks and boxes by container: the bytes before (after, for RIFF) each are its length.
BOXES = (b"moov", b"trak", b"mdia", b"stsz", b"stts", b"stsc", b"stco", b"mdat", b"esds")
CHUNKS = (b"fmt ", b"data", b"COMM", b"SSND")
ENCODINGS = (
    *(Encoding("wav", "pcm_s16le", 16_000), Encoding("wav", "adpcm_ima_wav", 16_000), Encoding("flac", "flac", 48_000)),
    *(Encoding("mp3", "libmp3lame", 44_100), Encoding("ogg", "libopus", 48_000), Encoding("adts", "aac", 44_100)),
    *(Encoding("ipod", "aac", 44_100), Encoding("webm", "libopus", 48_000), Encoding("aiff", "pcm_s16be", 22_050)),
    *(Encoding("amr", "libopencore_amrnb", 8_000), Encoding("caf", "pcm_s16be", 16_000)),
    *(Encoding("au", "pcm_s16be", 8_000), Encoding("asf", "wmav2", 44_100, 64_000)),
)


def good_recordings() -> dict[str, bytes]:
    """Return three seconds of a made-up voice in every format, and as the sound of films."""
    found = {f"{e.codec}.{e.container}": encoded(resampled(voice(3.0, seed=1), e.rate_hz), e) for e in ENCODINGS}
    sound = resampled(voice(3.0, seed=2), 48_000)
    return found | {f"film.{c}": film(c, samples=sound) for c in ("mp4", "mov", "webm", "matroska", "avi")}


def resampled(samples: Samples, rate_hz: int) -> Samples:
    """Return a 16 kHz voice (n,) as (1, n) at another rate, by straight lines: good enough for tests."""
    count = round(samples.size * rate_hz / 16_000)
    at = np.arange(count) * (16_000 / rate_hz)
    return np.interp(at, np.arange(samples.size), samples).astype(np.float32)[None]


def hostile_recordings(files: Mapping[str, bytes], *, count: int) -> list[Hostile]:
    """Return `count` calls; `files` are good recordings by name."""
    calls = [*_crafted(files)]
    calls += [damaged(files, number) for number in range(max(0, count - len(calls)))]
    return calls[:count]


def _crafted(files: Mapping[str, bytes]) -> Iterator[Hostile]:
    for name, make in {**_headers(), **_long(), **_stumps(files)}.items():
        yield Hostile(name, partial(_uploaded, make))
    for name, data in files.items():
        for mark in (*BOXES, *CHUNKS):
            at = data.find(mark)
            if at >= 4:
                place = at + 4 if mark in CHUNKS else at - 4
                for length in WILD[:: 1 if mark in (b"data", b"stsz", b"stts") else 3]:
                    wild = data[:place] + struct.pack("<I" if "wav" in name else ">I", length) + data[place + 4 :]
                    yield Hostile(
                        f"length {length} of {mark.decode()} in {name}", partial(_uploaded, partial(bytes, wild))
                    )


def _uploaded(make: partial[bytes]) -> Call:
    return upload(make())


def _headers() -> dict[str, partial[bytes]]:
    """WAVs whose format is odd or impossible."""
    body = (tone(1.0, 16_000)[0] * 32_767).astype("<i2").tobytes()
    holes = np.full(32_000, np.nan, "<f4")
    holes[::3], holes[1::7] = np.inf, 0.2
    made = {f"rate {rate}": partial(wav_of, body, rate_hz=rate) for rate in (0, 1, 4_000, 192_000, 10**9, MAX_I32)}
    made |= {
        f"{channels} channels": partial(wav_of, body * 4, channels=channels) for channels in (0, 6, 9, 255, 65_535)
    }
    made |= {f"{bits} bits": partial(wav_of, body, bits=bits) for bits in (0, 1, 7, 8, 24, 63, 64, 128)}
    made |= {f"format tag {tag}": partial(wav_of, body, tag=tag) for tag in (0, 2, 7, 0x11, 0x55, 0xFF, 0x161, 0xFFFE)}
    made |= {f"data of {n} bytes declared": partial(wav_of, body, data_size=n) for n in WILD}
    return made | {
        "numbers that are none": partial(wav_of, holes.tobytes(), tag=FLOAT, bits=32),
        "doubles beyond bounds": partial(wav_of, np.full(9000, 1e308).tobytes(), tag=FLOAT, bits=64),
        "no samples": partial(wav_of, b""),
        "half a sample": partial(wav_of, b"\x01", tag=PCM),
    }


def _long() -> dict[str, partial[bytes]]:
    """Small files that last for hours."""
    amr_nothing = b"#!AMR\n" + b"\x7c" * 3_000_000  # each byte is 20 ms without data: 16 hours
    return {
        "an hour of silence": partial(_silence, 60),
        "two hours of silence": partial(_silence, 120),
        "an hour of speech at 6 kbit/s": partial(_speech, 60),
        "16 hours of nothing in AMR": partial(bytes, amr_nothing),
        "one sample a second": partial(wav_of, bytes(3_000_000), rate_hz=1_000, bits=8),
    }


def _silence(minutes: int) -> bytes:
    minute = np.zeros((1, 60 * 16_000), dtype=np.float32)
    return encoded_blocks((minute for _ in range(minutes)), Encoding("flac", "flac", 16_000))


def _speech(minutes: int) -> bytes:
    minute = voice(60.0)[None]
    return encoded_blocks((minute for _ in range(minutes)), Encoding("ogg", "libopus", 16_000, 6_000))


def _stumps(files: Mapping[str, bytes]) -> dict[str, partial[bytes]]:
    mp3 = next(data for name, data in files.items() if name.endswith(".mp3"))
    id3 = b"ID3\x04\x00\x00"
    made = {
        "ID3 of 256 MB": id3 + b"\x7f\x7f\x7f\x7f" + mp3,
        "ID3 of ID3": (id3 + b"\x00\x00\x00\x00") * 100_000 + mp3,
        "a playlist behind ID3": id3 + b"\x00\x00\x00\x00#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "a list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "mp3 sync words": b"\xff\xfb\x90\x64" * 500_000,
        "aac sync words": b"\xff\xf1\x50\x80\x00\x1f\xfc" * 300_000,
        "ogg pages of nothing": (b"OggS\x00\x02" + bytes(20) + b"\x00") * 100_000,
        "ebml of nothing": b"\x1aE\xdf\xa3\x80" + b"\x18\x53\x80\x67\xff" * 100_000,
        "boxes in boxes": b"\x00\x00\x00\x10ftypM4A \x00\x00\x00\x00" + b"\x00\x0f\xff\xffmoov" * 100_000,
        "flac without frames": b"fLaC\x80\x00\x00\x22" + bytes(34),
        "flac of pictures": b"fLaC" + (b"\x06\x00\xff\xff" + bytes(65_535)) * 20,
        "wav in wav": wav_of(wav_of(b"\x01\x02" * 9000)),
        "mp3 behind a wav": wav_of(b"\x01\x02" * 900) + mp3,
        "zeros": bytes(1_000_000),
        "a picture": b"GIF89a" + bytes(100),
    }
    return {name: partial(bytes, data) for name, data in made.items()}
