"""Speech over HTTP: every door of the audio endpoint, on recordings that need no data set."""

from __future__ import annotations

import httpx2
import pytest

from forensics.web.schemas import FailedJob, PendingJob, Problem, Result
from tests.support.dataset import data_root
from tests.support.sounds import wav

TONE = ("tone.wav", wav(seconds=3))


@pytest.mark.parametrize("path", ["/detect/audio", "/detect"])
def test_a_recording_without_speech_is_inconclusive(api: httpx2.Client, path: str) -> None:
    answer = api.post(path, files={"file": TONE})
    assert answer.status_code == 200, answer.text
    found = Result.model_validate_json(answer.content)
    assert (found.media_type, found.verdict, found.flagged_segments) == ("audio", "inconclusive", [])
    assert found.reasons[0].startswith("no_speech")
    assert (found.media.format, found.media.duration_s, found.media.width) == ("wav", 3.0, None)
    assert found.retention.deleted_at is not None


def test_an_asynchronous_recording_comes_back_from_its_queue(api: httpx2.Client) -> None:
    accepted = api.post("/detect/audio", files={"file": TONE}, headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202
    job = PendingJob.model_validate_json(accepted.content)
    done = Result.model_validate_json(api.get(f"/jobs/{job.job_id}", params={"wait": 20}).content)
    assert (done.media_type, done.verdict) == ("audio", "inconclusive")


def test_a_damaged_recording_fails_its_job_with_the_problem(api: httpx2.Client) -> None:
    accepted = api.post("/detect/audio", files={"file": ("a.wav", TONE[1][:44])}, headers={"Prefer": "respond-async"})
    job = PendingJob.model_validate_json(accepted.content)
    failed = FailedJob.model_validate_json(api.get(f"/jobs/{job.job_id}", params={"wait": 20}).content)
    assert 400 <= failed.error.status < 500


@pytest.mark.parametrize(
    ("path", "file", "status", "code"),
    [
        ("/detect/image", TONE, 422, "media-type-mismatch"),
        ("/detect/audio", ("a.gif", b"GIF89a" + bytes(50)), 422, "media-type-mismatch"),
        ("/detect/audio", ("a.wav", b""), 400, "invalid-request"),
        ("/detect/audio", ("a.wav", b"no sound at all"), 415, "unsupported-media-type"),
    ],
)
def test_wrong_files_are_problems(
    api: httpx2.Client, path: str, file: tuple[str, bytes], status: int, code: str
) -> None:
    answer = api.post(path, files={"file": file})
    assert (answer.status_code, Problem.model_validate_json(answer.content).code) == (status, code)


@pytest.mark.dataset
@pytest.mark.parametrize("name", ["flite_clustergen", "espeak_ng"])
def test_classic_speech_synthesis_is_never_authentic(api: httpx2.Client, name: str) -> None:
    files = sorted((data_root() / "audio" / "fake" / name).iterdir())[:3]
    for file in files:
        found = Result.model_validate_json(
            api.post("/detect/audio", files={"file": (file.name, file.read_bytes())}).content
        )
        assert found.verdict != "authentic", file.name
        assert found.media.duration_s and found.media.format == "ogg"
