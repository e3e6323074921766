"""Films of several kinds over HTTP through the real state machine, and what explains them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import httpx2
import pytest
from PIL import Image

from forensics.usecases.analyse_image import FIRST_FRAME
from forensics.web.schemas import Result, VideoTimeline
from tests.support.films import Film, film, moving_picture, turned_clockwise

pytestmark = pytest.mark.e2e

SPEC = Film(seconds=1.0)
FILMS: dict[str, tuple[Callable[[], bytes], str, tuple[int, int]]] = {
    "hevc": (lambda: film(replace(SPEC, codec="libx265")), "mp4", (160, 96)),
    "av1": (lambda: film(replace(SPEC, codec="libsvtav1")), "mp4", (160, 96)),
    "webm vp9": (lambda: film(replace(SPEC, container="webm", codec="libvpx-vp9")), "webm", (160, 96)),
    "avi": (lambda: film(replace(SPEC, container="avi", codec="mpeg4")), "avi", (160, 96)),
    "mpegts": (lambda: film(replace(SPEC, container="mpegts")), "mpegts", (160, 96)),
    "gif": (lambda: moving_picture("gif", frames=10), "gif", (160, 96)),
    "webp": (lambda: moving_picture("webp", frames=10), "webp", (160, 96)),
    "turned": (lambda: turned_clockwise(film(SPEC)), "mp4", (96, 160)),
    "wide pixels": (lambda: film(replace(SPEC, pixel_aspect=Fraction(3, 2))), "mp4", (240, 96)),
    "1 frame a second": (lambda: film(Film(seconds=4, fps=1)), "mp4", (160, 96)),
}


LATER = {"Prefer": "respond-async"}  # the first call starts every function anew


def ended(api: httpx2.Client, answer: httpx2.Response) -> Result:
    """The verdict of a call, now or when its job ends."""
    assert answer.status_code in (200, 202), answer.text
    document = answer.json()
    for _ in range(6):
        if document["status"] not in ("queued", "processing"):
            break
        document = api.get(f"/jobs/{document['job_id']}", params={"wait": 20}).json()
    return Result.model_validate(document)


@pytest.mark.parametrize("name", FILMS)
def test_films_are_judged(api: httpx2.Client, name: str) -> None:
    make, container, size = FILMS[name]
    path = (
        "/detect" if container in ("gif", "webp") else "/detect/video"
    )  # what is inferred of others: test_audio_formats
    found = ended(api, api.post(path, files={"file": ("film", make())}, headers=LATER))
    assert (found.media_type, found.media.format, found.media.coverage) == ("video", container, 1.0)
    assert (found.media.width, found.media.height, found.warnings) == (*size, [])


def test_an_animation_sent_as_a_picture_is_judged_by_its_first_frame(api: httpx2.Client) -> None:
    answer = api.post("/detect/image", files={"file": ("picture", moving_picture("gif", frames=5))})
    found = Result.model_validate_json(answer.content)
    assert (found.media_type, found.warnings) == ("image", [FIRST_FRAME])


def test_an_explanation_can_be_fetched(api: httpx2.Client) -> None:
    files = {"file": ("film", film(Film(seconds=3)))}
    links = ended(api, api.post("/detect/video", files=files, data={"explain": "true"}, headers=LATER)).artifacts
    assert links.timeline_url and links.timeline_chart_url and links.contact_sheet_url
    with httpx2.Client(trust_env=False) as anybody:
        timeline = VideoTimeline.model_validate_json(anybody.get(links.timeline_url).content)
        for link in (links.timeline_chart_url, links.contact_sheet_url):
            picture = anybody.get(link)
            assert picture.headers["Content-Type"] == "image/png"
            assert Image.open(io.BytesIO(picture.content)).width > 500
    assert (timeline.duration_s, timeline.uncovered, timeline.sound) == (3.0, [], None)
    assert len(timeline.frames.scores) >= 3
