"""The product over HTTP: what a caller sends, what comes back, and what is left of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from forensics.domain.keys import hash_key
from forensics.media.image import FORMATS
from forensics.web.schemas import PendingJob, Problem, Result
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud
from localcloud.demo import MEDIA, file_server
from tests.support.bucket import Bucket
from tests.support.dataset import data_root
from tests.support.signing import Authority, manifest

pytestmark = pytest.mark.e2e

A1111 = (
    "a lighthouse at dusk\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Size: 320x240, Model: dreamshaper_8"
)
COMFYUI = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "model": ["4", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},
}
WORKFLOW = {"nodes": [{"type": "CheckpointLoaderSimple", "widgets_values": ["sd_xl_base_1.0.safetensors"]}]}
SNIFFED = {"HEIF": "heic"}
CAMERAS = {  # of the data set's files: camera, format
    "exif/canon_hdr_YES.jpg": ("Canon PowerShot SX60 HS", "jpeg"),
    "exif/jolla.jpg": ("Jolla", "jpeg"),
    "exif_misc/HTC_Desire.webp": ("HTC Desire", "webp"),
    "exif_misc/Nikon_D1X.webp": ("NIKON", "webp"),
}


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A photo of the examples, made small."""
    with Image.open(MEDIA / "photo.jpg") as photo:
        return photo.resize((360, 240))


def saved(picture: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=format, **options)
    return buffer.getvalue()


def png_text(picture: Image.Image, **texts: str) -> bytes:
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return saved(picture, "PNG", pnginfo=info)


def detect(api: httpx2.Client, data: bytes, *, path: str = "/detect/image", **fields: Any) -> Result:
    """Post a file, hold the answer against the schema and return it."""
    answer = api.post(path, files={"file": ("picture", data)}, data=fields)
    assert answer.status_code == 200, answer.text
    return result(answer)


def result(answer: httpx2.Response) -> Result:
    assert answer.headers["Content-Type"] == "application/json"
    return Result.model_validate_json(answer.content)


def problem(answer: httpx2.Response, status: int, code: str) -> Problem:
    """Hold an answer to be this very problem."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    body = Problem.model_validate_json(answer.content)
    assert (body.status, body.code) == (status, code)
    assert body.type.endswith(f"#{code}")
    assert body.request_id is not None
    return body


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """A loopback file server over the sample media; its URL."""
    with file_server(MEDIA) as url:
        yield url


# ---------------------------------------------------------------- what the file says of itself


def test_generation_parameters_decide_and_name_the_model(api: httpx2.Client, picture: Image.Image) -> None:
    found = detect(api, png_text(picture, parameters=A1111))
    assert (found.verdict, found.generator) == ("synthetic", "stable-diffusion:dreamshaper-8")
    assert found.confidence >= 0.9
    assert found.provenance.evidence[0].source == "metadata"
    assert found.provenance.metadata is not None
    assert found.provenance.metadata["sampler"] == "Euler a"
    assert found.signals["provenance"] == "declares_synthetic"
    assert "lighthouse" not in found.model_dump_json()  # a prompt is the author's own


def test_a_comfyui_graph_decides_and_names_the_model(api: httpx2.Client, picture: Image.Image) -> None:
    found = detect(api, png_text(picture, prompt=json.dumps(COMFYUI), workflow=json.dumps(WORKFLOW)))
    assert (found.verdict, found.generator) == ("synthetic", "sdxl-v1.0")
    assert found.provenance.metadata is not None
    assert found.provenance.metadata["tool"] == "ComfyUI"


def test_an_invisible_watermark_decides_and_names_the_model(api: httpx2.Client) -> None:
    found = detect(api, (MEDIA / "generated_watermarked.png").read_bytes())
    assert (found.verdict, found.generator) == ("synthetic", "sdxl-v1.0")
    assert found.provenance.watermark is not None
    assert found.provenance.watermark.correlation >= found.provenance.watermark.threshold
    assert found.signals["watermark"] == "SDXL"
    assert found.provenance.evidence[0].source == "watermark"


def test_a_signed_generated_picture_decides_and_names_its_signer(api: httpx2.Client, picture: Image.Image) -> None:
    signer = Authority()("OpenAI OpCo")
    signed = signer.sign(saved(picture, "JPEG"), "image/jpeg", manifest("trainedAlgorithmicMedia"))
    found = detect(api, signed)
    assert found.verdict == "synthetic"
    assert found.generator is not None
    assert found.generator.startswith("openai") or "gpt" in found.generator
    c2pa = found.provenance.c2pa
    assert c2pa is not None
    assert (c2pa.state, c2pa.issuer, c2pa.digital_source_types) == (
        "Valid",
        "OpenAI OpCo",
        ["trainedAlgorithmicMedia"],
    )
    assert found.provenance.digital_source_type == "trainedAlgorithmicMedia"
    assert any("signed by OpenAI OpCo" in reason for reason in found.reasons)


def test_a_signature_over_other_pixels_is_told(api: httpx2.Client, picture: Image.Image) -> None:
    signer = Authority()("Camera maker")
    signed = bytearray(signer.sign(saved(picture, "JPEG"), "image/jpeg", manifest("digitalCapture")))
    signed[-40] ^= 0x55  # in the last rows of the scan
    found = detect(api, bytes(signed))
    assert found.provenance.c2pa is not None
    assert found.provenance.c2pa.state == "Invalid"
    assert any("changed after signing" in item.what for item in found.provenance.evidence)
    assert all(item.strength < 0.9 for item in found.provenance.evidence)


@pytest.mark.dataset
@pytest.mark.parametrize("path", CAMERAS)
def test_a_camera_original_is_not_called_synthetic(api: httpx2.Client, path: str) -> None:
    camera, format = CAMERAS[path]
    found = detect(api, (data_root() / "provenance" / path).read_bytes())
    assert found.verdict != "synthetic"
    assert found.media.format == format
    assert found.provenance.metadata is not None
    assert camera in found.provenance.metadata["camera"]
    assert {item.claim for item in found.provenance.evidence} <= {"captured", "neutral"}


# ---------------------------------------------------------------- files, good and bad


@pytest.mark.parametrize("format", FORMATS)
def test_every_promised_format_is_answered(api: httpx2.Client, picture: Image.Image, format: str) -> None:
    data = saved(picture, format)
    found = detect(api, data)
    assert found.media.format == SNIFFED.get(format, format.lower())
    assert (found.media.width, found.media.height, found.media.bytes) == (360, 240, len(data))
    assert found.retention.mode == "purge"
    assert found.retention.deleted_at is not None


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 415, "unsupported-media-type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported-media-type"),
        (b"OggS" + bytes(60), 422, "media-type-mismatch"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), 422, "media-corrupt"),
        (b"\xff\xd8\xff\xe0" + bytes(90), 422, "media-corrupt"),
        (b"", 400, "invalid-request"),
    ],
    ids=["pdf", "svg", "ogg", "png", "jpeg", "empty"],
)
def test_a_file_that_cannot_be_analysed_is_a_typed_problem(
    api: httpx2.Client, data: bytes, status: int, code: str
) -> None:
    problem(api.post("/detect/image", files={"file": ("picture", data)}), status, code)


def test_a_cut_file_and_one_too_large_are_typed_problems(api: httpx2.Client, picture: Image.Image) -> None:
    cut = saved(picture, "PNG")[:-3000]
    problem(api.post("/detect/image", files={"file": ("cut.png", cut)}), 422, "media-corrupt")
    large = saved(picture, "JPEG") + bytes(4 * 1024 * 1024)
    problem(api.post("/detect/image", files={"file": ("large.jpg", large)}), 413, "payload-too-large")


# ---------------------------------------------------------------- options


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


# ---------------------------------------------------------------- who may call


def test_another_tenants_job_does_not_exist(cloud: LocalCloud, api: httpx2.Client) -> None:
    job = detect(api, (MEDIA / "photo.jpg").read_bytes()).job_id
    other = {"Authorization": f"Bearer {cloud.create_key(tenant='other')}"}
    theirs = api.get(f"/jobs/{job}", headers=other)
    unknown = api.get(f"/jobs/{job[:-1]}0", headers=other)
    assert problem(theirs, 404, "not-found").detail == problem(unknown, 404, "not-found").detail
    assert result(api.get(f"/jobs/{job}")).job_id == job


def test_a_key_that_is_not_in_force_opens_nothing(cloud: LocalCloud, anonymous: httpx2.Client) -> None:
    revoked = cloud.create_key()
    dynamodb = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    dynamodb.update_item(
        TableName=cloud.outputs["KeysTableName"],
        Key={"key_hash": {"S": hash_key(revoked)}},
        UpdateExpression="SET #s = :revoked",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":revoked": {"S": "revoked"}},
    )
    headers: list[dict[str, str]] = [{}, {"Authorization": f"Bearer {revoked}"}, {"Authorization": "Bearer dd_live_x"}]
    for sent in headers:
        answer = anonymous.post("/detect/image", files={"file": ("a", b"x")}, headers=sent)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_without_the_scope_is_refused(cloud: LocalCloud, anonymous: httpx2.Client) -> None:
    reader = {"Authorization": f"Bearer {cloud.create_key(scopes=('jobs',))}"}
    problem(anonymous.post("/detect/image", files={"file": ("a", b"x")}, headers=reader), 403, "forbidden")


def test_the_description_is_public(anonymous: httpx2.Client) -> None:
    document = anonymous.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/v1/detect", "/v1/detect/image", "/v1/jobs/{job_id}"} <= document["paths"].keys()
