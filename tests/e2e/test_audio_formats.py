"""Every format and every odd recording over HTTP: an answer of the contract, and the right one."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import httpx2
import numpy as np
import pytest

from bench._worker import peak_bytes, worker
from bench.voice import voice
from forensics.web.schemas import PendingJob, Problem, Result
from localcloud.cloud import LocalCloud
from tests.support.audio_mutations import resampled
from tests.support.sounds import Encoding, Samples, encoded, encoded_blocks, film, float_wav, music, wav, wav_of

pytestmark = pytest.mark.e2e

SECONDS = 4.0
ENCODINGS = {
    "wav": Encoding("wav", "pcm_s16le", 16_000),
    "mp3": Encoding("mp3", "libmp3lame", 44_100),
    "m4a": Encoding("ipod", "aac", 44_100),
    "mp4": Encoding("mp4", "aac", 44_100),
    "aac": Encoding("adts", "aac", 44_100),
    "flac": Encoding("flac", "flac", 48_000),
    "ogg": Encoding("ogg", "libopus", 48_000),
    "webm": Encoding("webm", "libopus", 48_000),
    "amr": Encoding("amr", "libopencore_amrnb", 8_000),
    "aiff": Encoding("aiff", "pcm_s16be", 22_050),
    "caf": Encoding("caf", "pcm_s16be", 16_000),
    "au": Encoding("au", "pcm_s16be", 16_000),
    "wma": Encoding("asf", "wmav2", 44_100, 64_000),
}
FILMS = {"mp4": "mp4", "mov": "mp4", "matroska": "matroska", "webm": "webm"}  # container -> what it is told as


@cache
def spoken() -> Samples:
    return voice(SECONDS, seed=1)


def judged(api: httpx2.Client, data: bytes, *, path: str = "/detect/audio", **fields: str) -> Result:
    answer = api.post(path, files={"file": ("recording", data)}, data=fields)
    assert answer.status_code == 200, answer.text
    return Result.model_validate_json(answer.content)


def refused(api: httpx2.Client, data: bytes, *, path: str = "/detect/audio") -> tuple[int, str]:
    answer = api.post(path, files={"file": ("recording", data)})
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, Problem.model_validate_json(answer.content).code


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_format_is_heard_on_both_paths(api: httpx2.Client, name: str) -> None:
    encoding = ENCODINGS[name]
    data = encoded(resampled(spoken(), encoding.rate_hz), encoding)
    found = judged(api, data)
    assert (found.media_type, found.media.format, found.warnings) == ("audio", name, [])
    assert found.media.duration_s == pytest.approx(SECONDS, abs=0.2)
    assert not found.reasons[0].startswith("no_speech")
    assert judged(api, data, path="/detect").score == pytest.approx(found.score, abs=1e-6)


def test_wide_band_amr_is_heard(api: httpx2.Client) -> None:
    frames = np.random.default_rng(0).bytes(17 * 200)  # 6.6 kbit/s, 20 ms each; no encoder of it is at hand
    data = b"#!AMR-WB\n" + b"".join(b"\x04" + frames[at : at + 17] for at in range(0, len(frames), 17))
    found = judged(api, data)
    assert (found.media.format, found.media.duration_s) == ("amr", 4.0)


@pytest.mark.parametrize("container", FILMS)
def test_a_film_is_judged_by_its_sound_where_sound_is_asked_for(api: httpx2.Client, container: str) -> None:
    data = film(container, samples=resampled(spoken(), 48_000))
    found = judged(api, data)
    assert (found.media_type, found.media.format) == ("audio", FILMS[container])
    assert found.media.duration_s == pytest.approx(SECONDS, abs=0.2)
    assert not found.reasons[0].startswith("no_speech")
    assert judged(api, data, path="/detect", media_type="audio").score == pytest.approx(found.score, abs=1e-6)
    inferred = api.post("/detect", files={"file": ("film", data)})
    assert (inferred.status_code, inferred.json()["media_type"]) == (200, "video")
    assert refused(api, film(container, sound=False)) == (422, "media-type-mismatch")


def louder(samples: Samples, gain: float) -> bytes:
    return float_wav(np.clip(samples * gain, -0.5, 0.5))


def broken_floats() -> bytes:
    samples = spoken().copy()
    samples[1000:1200], samples[5000], samples[5001] = np.nan, np.inf, -np.inf
    return float_wav(samples)


def stereo(right: Samples) -> bytes:
    return encoded(np.stack([spoken(), right]), ENCODINGS["wav"])


def pcm(samples: Samples) -> bytes:
    return (samples * 32_767).astype("<i2").tobytes()


ODD: dict[str, tuple[Callable[[], bytes], str]] = {
    "8 bits at 4 kHz": (lambda: wav_of((spoken()[::4] * 100 + 128).astype("u1").tobytes(), rate_hz=4000, bits=8), ""),
    "192 kHz": (lambda: encoded(resampled(spoken(), 192_000), Encoding("wav", "pcm_s24le", 192_000)), ""),
    "6 channels": (lambda: encoded(np.tile(spoken(), (6, 1)), ENCODINGS["wav"]), ""),
    "numbers that are none": (broken_floats, ""),
    "a data chunk said to be endless": (lambda: wav_of(pcm(spoken()), data_size=0xFFFF_FFFF), ""),
    "a data chunk said to be a gigabyte": (lambda: wav_of(pcm(spoken()), data_size=1 << 30), ""),
    "offset": (lambda: float_wav(spoken() * 0.5 + 0.3), ""),
    "clipped": (lambda: louder(spoken(), 20.0), ""),
    "one silent side": (lambda: stereo(np.zeros_like(spoken())), ""),
    "two sides of a call": (lambda: stereo(voice(SECONDS, seed=9)), ""),
    "0.3 s": (lambda: float_wav(spoken()[2000:6800]), "too_short"),
    "music": (lambda: float_wav(music(8)), "no_speech"),
    "silence": (lambda: float_wav(np.zeros(64_000, np.float32)), "no_speech"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_recordings_are_judged(api: httpx2.Client, name: str) -> None:
    make, reason = ODD[name]
    found = judged(api, make())
    if reason:
        assert found.verdict == "inconclusive" and found.reasons[0].startswith(reason)
        assert found.flagged_segments == [] or reason != "no_speech"
    else:
        assert found.media.duration_s == pytest.approx(SECONDS, abs=0.1)
        assert not found.reasons[0].startswith("no_speech")


def test_a_silent_side_changes_nothing(api: httpx2.Client) -> None:
    alone, beside = judged(api, float_wav(spoken())), judged(api, stereo(np.zeros_like(spoken())))
    assert beside.score == pytest.approx(alone.score, abs=0.05)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (wav_of(b""), (422, "media-corrupt")),
        (wav(seconds=1)[:44], (422, "media-corrupt")),
        (wav_of(bytes(9000), rate_hz=10**9), (422, "media-corrupt")),
        (wav_of(bytes(4_000_000), rate_hz=1_000, bits=8), (422, "media-too-long")),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", (415, "unsupported-media-type")),
    ],
    ids=["no samples", "a header alone", "1 GHz", "66 minutes", "playlist"],
)
def test_recordings_that_cannot_be_judged_are_problems(
    api: httpx2.Client, data: bytes, expected: tuple[int, str]
) -> None:
    assert refused(api, data) == expected


def test_an_hour_of_silence_becomes_a_job_that_says_so(api: httpx2.Client, cloud: LocalCloud) -> None:
    minute = np.zeros((1, 60 * 16_000), dtype=np.float32)
    data = encoded_blocks((minute for _ in range(60)), Encoding("flac", "flac", 16_000))
    start = time.perf_counter()
    accepted = api.post("/detect/audio", files={"file": ("hour.flac", data)})
    assert accepted.status_code == 202, accepted.text
    job = PendingJob.model_validate_json(accepted.content)
    assert job.estimated_seconds > 60
    while (answer := api.get(f"/jobs/{job.job_id}", params={"wait": 20})).json()["status"] == "queued":
        assert time.perf_counter() - start < 200
    found = Result.model_validate_json(answer.content)
    function = worker(cloud, "detect_audio")
    assert function is not None
    peak_mb = peak_bytes(function) / 2**20
    print(f"\nan hour of silence: {time.perf_counter() - start:.1f} s, peak {peak_mb:.0f} MB")  # noqa: T201 -- a figure
    assert (found.media.duration_s, found.reasons[0][:9]) == (3600.0, "no_speech")
    assert peak_mb < 600
