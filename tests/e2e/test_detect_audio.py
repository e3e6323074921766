"""Speech over HTTP: every door of the audio endpoint, on recordings that need no data set."""

from __future__ import annotations

import io

import httpx2
import pytest
from PIL import Image

from forensics.media.audio_picture import SIZE_PX
from forensics.web.schemas import FailedJob, PendingJob, Problem, Result, Timeline
from tests.support.bucket import Bucket
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


def test_the_explanation_can_be_downloaded_and_outlives_the_recording(api: httpx2.Client, bucket: Bucket) -> None:
    answer = api.post("/detect/audio", files={"file": TONE}, data={"explain": "true"})
    found = Result.model_validate_json(answer.content)
    links = found.artifacts
    assert links.heatmap_url is None and links.spectrogram_url and links.timeline_url
    picture, timeline = (httpx2.get(url, trust_env=False) for url in (links.spectrogram_url, links.timeline_url))
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == SIZE_PX
    assert (timeline.status_code, timeline.headers["Content-Type"]) == (200, "application/json")
    line = Timeline.model_validate_json(timeline.content)
    assert (line.duration_s, line.windows, line.flagged_segments, line.speech) == (3.0, [], [], [])
    assert (line.waveform.bucket_s, len(line.waveform.min), len(line.waveform.max)) == (0.02, 150, 150)
    assert max(line.waveform.max) == pytest.approx(0.25, abs=0.01)
    kept = bucket.objects(job=found.job_id)
    assert set(kept) == {f"artifacts/demo/{found.job_id}/{n}" for n in ("spectrogram.png", "timeline.json")}
    assert found.retention.deleted_at is not None
    later = Result.model_validate_json(api.get(f"/jobs/{found.job_id}").content)
    assert later.artifacts.spectrogram_url and later.artifacts.timeline_url
    assert "explain;dur=" in answer.headers["Server-Timing"]


def test_a_queued_recording_is_explained_too(api: httpx2.Client, bucket: Bucket) -> None:
    queued = api.post(
        "/detect/audio", files={"file": TONE}, data={"explain": "true"}, headers={"Prefer": "respond-async"}
    )
    job = PendingJob.model_validate_json(queued.content)
    done = Result.model_validate_json(api.get(f"/jobs/{job.job_id}", params={"wait": 20}).content)
    assert done.artifacts.timeline_url is not None
    line = Timeline.model_validate_json(httpx2.get(done.artifacts.timeline_url, trust_env=False).content)
    assert line.model.startswith("audio-speech ")
    assert len(bucket.objects(job=job.job_id)) == 2  # the recording itself is gone


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
