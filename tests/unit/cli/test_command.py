from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from forensics.cli import main as command
from forensics.cli.detector import LineMaker
from forensics.cli.explain import no_faces
from forensics.cli.inputs import expand
from forensics.cli.output import ResultFile, as_block
from forensics.cli.progress import Progress
from forensics.domain.errors import MediaFetchFailed
from forensics.domain.job import DetectOptions
from forensics.usecases.analyse_image import AnalyseImage
from forensics.web.schemas import Problem, Result
from tests.support.fakes import FakeClock, FakeDetector, FakeProvenance, detection

URL = "https://example.org/x.jpg"


def refuse(url: str, *, max_bytes: int) -> bytes:
    raise MediaFetchFailed


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> FakeDetector:
    """The command with a detector that needs no model."""
    fake = FakeDetector()

    def line_maker(args: Any, show: Progress) -> LineMaker:
        options = DetectOptions(strict_mode=args.strict, explain=args.explain is not None)
        return LineMaker(AnalyseImage(fake, FakeProvenance()), refuse, options, 1_000_000, FakeClock())

    monkeypatch.setattr(command, "_line_maker", line_maker)
    monkeypatch.setattr(command, "_faces", lambda threads: no_faces)
    return fake


@pytest.fixture
def folder(tmp_path: Path, photo: bytes) -> Path:
    media = tmp_path / "media"
    (media / "deeper").mkdir(parents=True)
    (media / "a.jpg").write_bytes(photo)
    (media / "deeper" / "b.jpg").write_bytes(photo)
    (media / "broken.jpg").write_bytes(photo[:500])
    (media / "notes.txt").write_text("no picture")
    (media / ".hidden.jpg").write_bytes(photo)
    (media / "big.jpg").write_bytes(b"\xff\xd8\xff" + bytes(1_000_000))
    return media


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    status = command.main([str(a) for a in arguments])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_is_one_line_a_file_and_bad_files_are_problems(
    detector: FakeDetector, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = run(capsys, folder, "--jsonl")
    by_name = {Path(line["input"]).name: line for line in lines}
    assert status == 1
    assert [Path(line["input"]).name for line in lines] == ["a.jpg", "big.jpg", "broken.jpg", "b.jpg", "notes.txt"]
    result = Result.model_validate({k: v for k, v in by_name["a.jpg"].items() if k != "input"})
    assert result.verdict == "authentic"
    problems = {
        name: Problem.model_validate(line["problem"]).code for name, line in by_name.items() if "problem" in line
    }
    assert problems == {
        "big.jpg": "payload-too-large",
        "broken.jpg": "media-corrupt",
        "notes.txt": "unsupported-media-type",
    }


def test_status_0_when_everything_was_analysed(
    detector: FakeDetector, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detector.result = detection(0.99)
    status, lines = run(capsys, folder / "a.jpg", "--jsonl")
    assert (status, lines[0]["verdict"]) == (0, "synthetic")


def test_missing_files_and_dead_urls_are_lines_too(detector: FakeDetector, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = run(capsys, "nowhere.jpg", URL, "--jsonl")
    assert status == 1
    assert [(line["input"], line["problem"]["code"]) for line in lines] == [
        ("nowhere.jpg", "invalid-request"),
        (URL, "media-fetch-failed"),
    ]


def test_an_unexpected_fault_is_a_line_and_the_next_file_goes_on(
    detector: FakeDetector, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detector.error = RuntimeError("boom")
    status, lines = run(capsys, folder / "a.jpg", folder / "deeper", "--jsonl")
    assert status == 1
    assert [line["problem"]["code"] for line in lines] == ["internal-error", "internal-error"]
    assert "boom" not in json.dumps(lines)


def test_strict_is_passed_on(detector: FakeDetector, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    detector.result = detection(0.7)
    assert run(capsys, folder / "a.jpg", "--jsonl")[1][0]["verdict"] == "inconclusive"
    assert run(capsys, folder / "a.jpg", "--jsonl", "--strict")[1][0]["verdict"] == "synthetic"


def test_people_get_blocks(detector: FakeDetector, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.main([str(folder / "a.jpg"), str(folder / "notes.txt")])
    out = capsys.readouterr().out
    assert "AUTHENTIC  confidence 0.90  P(fake) 0.10" in out
    assert "could not be analysed" in out and "unsupported-media-type" in out


def test_resume_analyses_only_what_is_missing(
    detector: FakeDetector, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    command.main([str(folder / "a.jpg"), URL, "--resume", str(out)])
    torn = out.read_text() + '{"input": "' + str(folder / "deeper" / "b.jpg")
    out.write_text(torn)
    detector.result = detection(0.99)
    assert command.main([str(folder / "a.jpg"), str(folder / "deeper"), URL, "--resume", str(out)]) == 1
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    verdicts = [(line["input"], line["verdict"]) for line in lines]
    assert verdicts == [
        (str(folder / "a.jpg"), "authentic"),  # not analysed again
        (str(folder / "deeper" / "b.jpg"), "synthetic"),  # its line was torn
        (URL, None),  # tried again, once
    ]
    assert capsys.readouterr().out == ""


def test_resume_and_jsonl_also_print_the_new_lines(
    detector: FakeDetector, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    assert len(run(capsys, folder / "a.jpg", "--jsonl", "--resume", out)[1]) == 1
    assert run(capsys, folder / "a.jpg", "--jsonl", "--resume", out) == (0, [])


def test_explain_writes_a_heat_map_an_overlay_and_the_json(
    detector: FakeDetector, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    why = tmp_path / "why"
    _, lines = run(capsys, folder / "a.jpg", "--jsonl", "--explain", why)
    stem = f"a-{lines[0]['media']['sha256'][:8]}"
    assert sorted(p.name for p in why.iterdir()) == [
        *(f"{stem}.heatmap.png", f"{stem}.html", f"{stem}.json", f"{stem}.overlay.png")
    ]
    assert json.loads((why / f"{stem}.json").read_text()) == lines[0]
    overlay = np.asarray(Image.open(why / f"{stem}.overlay.png")).astype(int)
    picture = np.asarray(Image.open(folder / "a.jpg")).astype(int)
    redder = (overlay - picture)[..., 0]
    assert redder[-50:, -50:].mean() > redder[:50, :50].mean()  # the fake detector's heat grows to the lower right


def test_inputs_are_taken_once_in_order(folder: Path) -> None:
    shutil.copy(folder / "a.jpg", folder / "z.jpg")
    found = list(expand([str(folder / "z.jpg"), URL, str(folder), URL]))
    assert [Path(f).name for f in found] == ["z.jpg", "x.jpg", "a.jpg", "big.jpg", "broken.jpg", "b.jpg", "notes.txt"]


@pytest.mark.parametrize("arguments", [[], ["--unknown"], ["x.jpg", "--threads", "many"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2


def test_missing_models_are_status_2(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENCODERS_DIR", str(tmp_path / "empty"))
    assert command.main([str(folder / "a.jpg")]) == 2
    assert "make setup" in capsys.readouterr().err


def test_a_result_file_survives_garbage(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(b'{"input": "a", "verdict": "authentic"}\n\xff\xfe\n[1]\n{"input": "b"')
    results = ResultFile(out)
    results.add({"input": "c"})
    results.close()
    assert [json.loads(line)["input"] for line in out.read_text().splitlines()] == ["a", "c"]


def test_a_block_names_the_generator_and_signals() -> None:
    line = {
        "input": "x.png",
        "verdict": "synthetic",
        "confidence": 0.99,
        "score": 0.99,
        "generator": "sdxl-v1.0",
        "reasons": ["a watermark"],
        "signals": {"watermark": "SDXL"},
    }
    assert as_block(line).splitlines() == [
        "x.png",
        "  SYNTHETIC  confidence 0.99  P(fake) 0.99  generator sdxl-v1.0",
        "  - a watermark",
        "  signals: watermark=SDXL",
    ]
