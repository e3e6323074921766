"""The product over HTTP: what a caller asks for with a picture, what comes back, and what is left of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx2
import numpy as np
import pytest
from PIL import Image

from forensics.web.schemas import PendingJob
from localcloud.demo import MEDIA, file_server
from tests.e2e.conftest import detect, problem, result
from tests.support.bucket import Bucket

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """A loopback file server over the sample media; its URL."""
    with file_server(MEDIA) as url:
        yield url


def test_a_url_is_fetched_and_answered_like_an_upload(api: httpx2.Client, files: str) -> None:
    by_url = result(api.post("/detect/image", json={"media_url": f"{files}/photo.jpg", "external_id": "order-1"}))
    upload = detect(api, (MEDIA / "photo.jpg").read_bytes())
    assert (by_url.verdict, by_url.score, by_url.media) == (upload.verdict, upload.score, upload.media)
    assert by_url.external_id == "order-1"
    answer = api.post("/detect/image", json={"media_url": f"{files}/absent.jpg"})
    assert "absent.jpg" not in json.dumps(problem(answer, 422, "media-fetch-failed").model_dump())


def test_strict_mode_swaps_the_thresholds_and_nothing_else(api: httpx2.Client) -> None:
    photo = (MEDIA / "photo.jpg").read_bytes()
    normal = detect(api, photo)
    strict = detect(api, photo, strict_mode="true", metadata=json.dumps({"batch": "7"}))
    assert (normal.strict_mode, strict.strict_mode) == (False, True)
    assert strict.score == normal.score
    assert strict.thresholds.synthetic < normal.thresholds.synthetic
    assert strict.operating_point.recall >= normal.operating_point.recall
    assert strict.metadata == {"batch": "7"}


def test_media_is_kept_on_request_only(api: httpx2.Client, bucket: Bucket) -> None:
    photo = (MEDIA / "photo.jpg").read_bytes()
    purged, kept = detect(api, photo), detect(api, photo, retain="true")
    assert bucket.objects(job=purged.job_id) == {}
    assert purged.retention.deleted_at is not None
    assert bucket.objects(job=kept.job_id) == {f"retained/demo/{kept.job_id}": photo}
    assert (kept.retention.mode, kept.retention.deleted_at) == ("retain", None)
    assert kept.retention.delete_by - kept.created_at == timedelta(days=30)


def test_the_heat_map_can_be_downloaded(api: httpx2.Client, bucket: Bucket) -> None:
    found = detect(api, (MEDIA / "photo.jpg").read_bytes(), explain="true")
    assert found.artifacts.heatmap_url is not None
    answer = httpx2.get(found.artifacts.heatmap_url, trust_env=False)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(answer.content)) as heat:
        assert (heat.mode, heat.size) == ("L", (600, 400))
        assert np.asarray(heat).std() > 0  # scores differ over the picture
    assert list(bucket.objects(job=found.job_id)) == [f"artifacts/demo/{found.job_id}/heatmap.png"]
    later = result(api.get(f"/jobs/{found.job_id}"))
    assert later.artifacts.heatmap_url is not None
    assert later.model_copy(update={"artifacts": found.artifacts}) == found


def test_an_asynchronous_job_completes_and_its_media_goes(api: httpx2.Client, bucket: Bucket) -> None:
    data = (MEDIA / "generated_a1111.png").read_bytes()
    accepted = api.post("/detect/image", files={"file": ("a.png", data)}, headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202
    assert accepted.headers["Preference-Applied"] == "respond-async"
    assert int(accepted.headers["Retry-After"]) >= 1
    job = PendingJob.model_validate_json(accepted.content)
    assert accepted.headers["Location"] == job.links.self
    assert job.links.self.endswith(f"/v1/jobs/{job.job_id}")
    done = result(api.get(api.base_url.join(f"{job.links.self}?wait=20")))  # the link as given, from the host's root
    assert (done.status, done.verdict, done.job_id) == ("completed", "synthetic", job.job_id)
    assert bucket.objects(job=job.job_id) == {}
    assert _deleted_at(api, job.job_id) - done.completed_at < timedelta(seconds=60)


def _deleted_at(api: httpx2.Client, job_id: str) -> datetime:
    # The receipt is written after the delete, so it may be missing for a moment after the verdict.
    answers = (result(api.get(f"/jobs/{job_id}")).retention.deleted_at for _ in range(50))
    found = next((deleted for deleted in answers if deleted is not None), None)
    assert found is not None
    return found


def test_an_asynchronous_job_on_a_bad_file_fails_with_the_same_problem(api: httpx2.Client, bucket: Bucket) -> None:
    cut = (MEDIA / "generated_a1111.png").read_bytes()[:9000]
    accepted = api.post("/detect/image", files={"file": ("a.png", cut)}, headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202
    job_id = accepted.json()["job_id"]
    failed = api.get(f"/jobs/{job_id}?wait=20").json()
    assert (failed["status"], failed["verdict"]) == ("failed", None)
    assert (failed["error"]["status"], failed["error"]["code"]) == (422, "media-corrupt")
    assert bucket.objects(job=job_id) == {}


def test_the_unified_endpoint_finds_the_medium_itself(api: httpx2.Client, files: str) -> None:
    photo = (MEDIA / "photo.jpg").read_bytes()
    direct, unified = detect(api, photo), detect(api, photo, path="/detect")
    assert (unified.media_type, unified.verdict, unified.score) == ("image", direct.verdict, direct.score)
    by_url = result(api.post("/detect", json={"media_url": f"{files}/generated_watermarked.png"}))
    assert by_url.generator == "sdxl-v1.0"
    problem(api.post("/detect", files={"file": ("a.ogg", b"OggS" + bytes(60))}), 415, "unsupported-media-type")
