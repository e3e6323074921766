"""What comes back for a picture of each promised format, and for a file that cannot be analysed."""

from __future__ import annotations

import httpx2
import pytest
from PIL import Image

from forensics.media.image import FORMATS
from tests.e2e.conftest import detect, problem, saved

pytestmark = pytest.mark.e2e

SNIFFED = {"HEIF": "heic"}


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
