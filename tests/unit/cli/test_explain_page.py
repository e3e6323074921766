"""The page that shows why: whole in itself, safe whatever the file says, with what each medium has to show."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from forensics.cli.detector import LineMaker
from forensics.cli.explain import write_explanation
from forensics.cli.explain_page import CSP, Box, Figure, explanation_page
from forensics.domain.evidence import Claim, Evidence, Provenance
from forensics.domain.job import DetectOptions
from forensics.domain.tracks import Face, FaceBox
from forensics.domain.video import FrameSpans, VideoModel
from forensics.usecases.analyse_audio import AnalyseAudio
from forensics.usecases.analyse_image import AnalyseImage
from forensics.usecases.analyse_video import AnalyseVideo
from tests.support.clips import clip
from tests.support.fakes import NORMAL, STRICT, FakeClock, FakeDetector, FakeFilmProvenance, FakeProvenance
from tests.support.hearing import Listener
from tests.support.sounds import wav

MODEL = VideoModel("video", "1", 0.5, 1.0, 0.0, FrameSpans(0.8, 0.6, 2), NORMAL, STRICT)
EVIL = "<script>alert(1)</script>\"'&.jpg"
FACE = Face(FaceBox(12.0, 30.0, 40.0, 50.0), 0.9, ((1.0, 1.0), (2.0, 1.0)))


class Page(HTMLParser):
    """The elements of a page, in order, and what stands between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def line_of(analyse: Any, data: bytes, tmp_path: Path, *, name: str = "file") -> tuple[dict[str, Any], Any]:
    path = tmp_path / name
    path.write_bytes(data)
    make = LineMaker(analyse, lambda url, *, max_bytes: b"", DetectOptions(explain=True), 10_000_000, FakeClock())
    return make(str(path))


def test_a_picture_shows_its_heat_its_regions_and_its_faces(photo: bytes, tmp_path: Path) -> None:
    line, analysis = line_of(AnalyseImage(FakeDetector(), FakeProvenance()), photo, tmp_path)
    line["regions"] = [{"x": 3, "y": 4, "w": 50, "h": 60, "score": 0.87}]
    write_explanation(tmp_path / "why", line, photo, analysis.artifacts, find_faces=lambda rgb: (FACE,))
    (path,) = (tmp_path / "why").glob("*.html")
    page = Page(path.read_text())
    (image,), (svg,), rects = page.all("img"), page.all("svg"), page.all("rect")
    png = base64.b64decode((image["src"] or "").removeprefix("data:image/png;base64,"))
    assert png == next((tmp_path / "why").glob("*.overlay.png")).read_bytes()
    assert svg["viewbox"] == f"0 0 {line['media']['width']} {line['media']['height']}"
    assert [(r["class"], r["x"], r["width"]) for r in rects] == [("region", "3", "50"), ("face", "12", "40")]
    assert line["verdict"] in page.said
    assert {signal["name"] for signal in line["signal_details"]} <= set(page.said)


def test_a_recording_shows_its_spectrogram(tmp_path: Path) -> None:
    line, analysis = line_of(AnalyseAudio(Listener(0.9), FakeProvenance()), wav(seconds=3), tmp_path)
    write_explanation(tmp_path / "why", line, None, analysis.artifacts)
    (path,) = (tmp_path / "why").glob("*.html")
    assert [i["alt"] for i in Page(path.read_text()).all("img")] == [
        "The recording as a spectrogram, with the model's P(fake) over time and the flagged spans"
    ]


def test_a_video_shows_its_sheet_and_its_chart(tmp_path: Path) -> None:
    analyse = AnalyseVideo(FakeDetector(), lambda: Listener(0.1), FakeFilmProvenance(), MODEL)
    line, analysis = line_of(analyse, clip(seconds=2), tmp_path)
    write_explanation(tmp_path / "why", line, None, analysis.artifacts)
    (path,) = (tmp_path / "why").glob("*.html")
    sheet, chart = (i["alt"] or "" for i in Page(path.read_text()).all("img"))
    assert "frames of the video" in sheet and "over time" in chart


def test_nothing_a_file_says_becomes_markup_and_nothing_is_loaded(photo: bytes, tmp_path: Path) -> None:
    said = Evidence(
        "metadata", Claim.SYNTHETIC, 0.99, "the comment says <img src=https://x.example/a.png>", "<b>gen</b>"
    )
    analyse = AnalyseImage(FakeDetector(), FakeProvenance(Provenance(evidence=(said,), warnings=("<i>warned</i>",))))
    line, _ = line_of(analyse, photo, tmp_path)
    figure = Figure(b"\x89PNG", "image/png", EVIL, (Box('"><script>', 0, 0, 1, 1, 0.5),), (10, 10))
    text = explanation_page({**line, "input": EVIL, "reasons": [EVIL], "job_id": EVIL}, [figure])
    page = Page(text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "i", "b"})
    assert [i["src"] for i in page.all("img")] == [
        f"data:image/png;base64,{base64.b64encode(b'%sPNG' % bytes([137])).decode()}"
    ]
    assert {"http-equiv": "Content-Security-Policy", "content": CSP} in page.all("meta")
    assert not any("on" == name[:2] for _, attributes in page.elements for name in attributes)
    assert EVIL in page.said and "<i>warned</i>" in page.said  # as text
