"""Files that go into the bucket themselves, and the one detection that takes each of them from there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from forensics.web.schemas import PendingJob, Problem, Result
from forensics.web.upload_routes import UploadAnswer
from localcloud.cloud import LocalCloud
from tests.support.bucket import Bucket
from tests.support.clips import clip
from tests.support.polling import finished

pytestmark = pytest.mark.e2e

INLINE_BYTES = 4 * 1024 * 1024
Upload = Callable[..., UploadAnswer]


def padded(photo: bytes) -> bytes:
    """The same picture, too large to be sent inline."""
    return photo + b"\x00" * INLINE_BYTES


@pytest.fixture
def make(api: httpx2.Client) -> Upload:
    """Make an upload for a file and check what the answer says."""

    def made(data: bytes, *, content_type: str = "image/jpeg", **more: Any) -> UploadAnswer:
        answer = api.post("/uploads", json={"content_type": content_type, "size": len(data), **more})
        assert answer.status_code == 201, answer.text
        return UploadAnswer.model_validate(answer.json())

    return made


def put(upload: UploadAnswer, data: bytes, **changed: str) -> int:
    """Post the file with the upload's form, as any HTTP client does; returns the status."""
    with httpx2.Client(trust_env=False, timeout=60) as client:
        fields = {**upload.fields, **changed}
        return client.post(upload.url, data=fields, files={"file": ("any name", data)}).status_code


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, Problem.model_validate(answer.json()).code


@pytest.mark.parametrize("path", ["/detect/image", "/detect"])
def test_a_large_picture_gets_its_verdict_and_is_gone(
    api: httpx2.Client, make: Upload, bucket: Bucket, photo: bytes, path: str
) -> None:
    data = padded(photo)
    refused = api.post(path, files={"file": ("large.jpg", data)})
    assert code_of(refused) == (413, "payload-too-large")
    assert refused.json()["upload_endpoint"].endswith("/v1/uploads")
    upload = make(data, sha256=hashlib.sha256(data).hexdigest(), filename="large.jpg")
    assert put(upload, data) in (200, 204)
    answer = api.post(path, json={"upload_id": upload.upload_id})
    assert answer.status_code == 200, answer.text
    found = Result.model_validate(answer.json())
    assert (found.media.bytes, found.media.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert found.retention.deleted_at is not None
    assert bucket.objects(job=upload.upload_id) == bucket.objects(job=found.job_id) == {}
    assert code_of(api.post(path, json={"upload_id": upload.upload_id})) in ((409, "upload-used"), NOTHING_LEFT)


NOTHING_LEFT = (422, "upload-incomplete")  # the unified endpoint looks at the file first, and it is gone


def test_an_uploaded_video_is_judged_without_passing_through_the_api(
    api: httpx2.Client, make: Upload, bucket: Bucket
) -> None:
    data = clip(seconds=2)
    upload = make(data, content_type="video/mp4")
    assert put(upload, data) in (200, 204)
    answer = api.post("/detect", json={"upload_id": upload.upload_id}, headers={"Prefer": "respond-async"})
    pending = PendingJob.model_validate(answer.json())
    assert bucket.objects(job=upload.upload_id) == {}
    found = Result.model_validate(finished(api, pending.job_id))
    assert (found.media_type, found.media.bytes) == ("video", len(data))
    assert bucket.objects(job=pending.job_id) == {}


def test_a_retained_upload_is_held(api: httpx2.Client, make: Upload, bucket: Bucket, photo: bytes) -> None:
    upload = make(photo)
    assert put(upload, photo) in (200, 204)
    answer = api.post("/detect/image", json={"upload_id": upload.upload_id, "retain": True})
    found = Result.model_validate(answer.json())
    assert bucket.objects(job=found.job_id) == {f"retained/demo/{found.job_id}": photo}
    assert bucket.objects(job=upload.upload_id) == {}


def test_the_form_is_held_to(make: Upload, bucket: Bucket, photo: bytes) -> None:
    upload = make(photo)
    assert put(upload, photo, key="media/demo/anything") == 403
    assert put(upload, photo, **{"Content-Type": "text/html"}) == 403
    assert put(upload, b"") == 400
    assert bucket.objects(job="anything") == bucket.objects(job=upload.upload_id) == {}


def test_an_upload_is_of_one_tenant_whole_and_for_the_right_path(
    cloud: LocalCloud, api: httpx2.Client, make: Upload, photo: bytes
) -> None:
    upload = make(photo, sha256=hashlib.sha256(photo).hexdigest())
    body = {"upload_id": upload.upload_id}
    assert code_of(api.post("/detect/image", json=body)) == (422, "upload-incomplete")
    assert put(upload, photo) in (200, 204)
    rival = {"Authorization": f"Bearer {cloud.create_key(tenant='rival')}"}
    assert code_of(api.post("/detect/image", json=body, headers=rival)) == (422, "upload-not-found")
    assert code_of(api.post("/detect", json=body, headers=rival)) == (422, "upload-not-found")
    assert code_of(api.post("/detect/audio", json=body)) == (422, "media-type-mismatch")
    assert code_of(api.post("/detect/image", json={"upload_id": "upload_0"})) == (422, "upload-not-found")
    assert api.post("/detect/image", json=body).status_code == 200


def test_too_large_a_file_is_refused_before_it_is_sent(api: httpx2.Client) -> None:
    body = {"content_type": "image/png", "size": 50_000_001}
    assert code_of(api.post("/uploads", json=body)) == (413, "payload-too-large")
