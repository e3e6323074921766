"""The films that videos are measured with, and where a history says that the time went."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench import _films
from bench._stages import stages_of
from forensics.media.audio import open_audio
from forensics.media.video import probe_video
from forensics.media.video_frames import read_frames


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_films, "LOOP_S", 1.0)
    monkeypatch.setattr(_films.tempfile, "gettempdir", lambda: str(tmp_path))


def test_a_long_film_is_a_short_one_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    path = _films.kept_film(3.0)
    facts = probe_video(io.BytesIO(path.read_bytes())).facts
    assert (facts.width, facts.height, facts.has_audio) == (1280, 720, True)
    assert facts.duration_s == pytest.approx(3.0, abs=0.1)
    first, later = (next(read_frames(io.BytesIO(path.read_bytes()), (at,)))[1] for at in (0.4, 2.4))
    assert abs(first.astype(int) - later).mean() < 2
    with open_audio(path.read_bytes()) as sound:
        assert sum(block.shape[1] for block in sound.blocks()) / 16_000 == pytest.approx(3.0, abs=0.2)
    monkeypatch.setattr(_films, "film", None)  # what is there is not made again
    assert _films.kept_film(3.0) == path


def test_the_stages_of_a_history() -> None:
    def event(at: float, **details: Any) -> dict[str, Any]:
        return {"timestamp": datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=at), **details}

    def state(name: str, start: float, end: float) -> list[dict[str, Any]]:
        return [
            event(start, stateEnteredEventDetails={"name": name}),
            event(end, stateExitedEventDetails={"name": name}),
        ]

    def task(function: str, start: float, end: float) -> list[dict[str, Any]]:
        name = {"resource": f"arn:aws:lambda:r:1:function:stack-{function}Function-1"}
        return [event(start, taskScheduledEventDetails=name), event(end, taskSucceededEventDetails=name)]

    work = [*task("VideoFrames", 1.1, 3.0), *task("VideoFrames", 3.0, 5.5), *task("VideoAudio", 1.2, 2.2)]
    entered, left = state("Look and listen", 1.0, 6.0)
    found = stages_of([*state("Plan", 0.0, 0.8), entered, *work, left, *state("Join", 6.0, 6.5)], wall_s=7.0)
    assert (found.plan_s, found.frames_s, found.audio_s, found.join_s) == pytest.approx((0.8, 4.4, 1.0, 0.5))
    assert found.waiting_s == pytest.approx(7.0 - 0.8 - 5.0 - 0.5)
